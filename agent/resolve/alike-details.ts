/**
 * What is told of processes, made once for all that were started alike: the workers of a server, and a process that is
 * looked at again. To redact a command line takes longer than to read it.
 *
 * Command lines as they were are not to be kept, so they are known by a digest.
 */
import { hash } from 'node:crypto';
import type { BoundedTable } from '../bounded-table.ts';
import { describeDetails, type ProcessDetails, type RawDetails } from './process-details.ts';
import type { CmdlineMode } from './redact-cmdline.ts';

/** How many descriptions are kept; for a further one all are forgotten, and made again when they are asked for. */
export const descriptionsMax = 1024;

export class AlikeDetails {
  readonly #mode: CmdlineMode;
  readonly #byDigest = new Map<string, ProcessDetails>();
  #forgottenTotal = 0;

  constructor(mode: CmdlineMode) {
    this.#mode = mode;
  }

  get table(): BoundedTable {
    const { size } = this.#byDigest;
    return { name: 'descriptions', size, limit: descriptionsMax, refusedTotal: this.#forgottenTotal };
  }

  /** The same object for equal details, as long as it is kept. */
  describe(raw: RawDetails): ProcessDetails {
    const digest = digestOf(raw);
    const known = this.#byDigest.get(digest);
    if (known !== undefined) return known;
    if (this.#byDigest.size >= descriptionsMax) this.#forget();
    const details = describeDetails(raw, this.#mode);
    this.#byDigest.set(digest, details);
    return details;
  }

  #forget(): void {
    this.#forgottenTotal += this.#byDigest.size;
    this.#byDigest.clear();
  }
}

/** The same for equal details alone. */
function digestOf({ exe, args, cgroups }: RawDetails): string {
  const lines = cgroups.map(({ controllers, path }) => `${controllers}:${path}`);
  return hash('sha256', JSON.stringify([exe, args, lines]), 'base64');
}
