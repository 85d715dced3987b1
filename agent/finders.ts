/** Opens the finders that work here; for each that does not, a sentence says what is missing. */

import type { SocketEvent, SocketFinding } from '../model/socket-event.ts';
import type { BoundedTable } from './bounded-table.ts';
import type { AgentConfig } from './config.ts';
import { ConntrackFinder } from './conntrack/conntrack-finder.ts';
import { CounterFinder } from './counters/counter-finder.ts';
import { errorLine } from './error-line.ts';
import type { FinderFigure, SocketFinder } from './finder.ts';
import { loadLibc } from './libc.ts';
import type { Succession } from './succession.ts';

type Told = SocketEvent | SocketFinding;

export class Finders {
  readonly #finders: readonly SocketFinder[];
  readonly #missing: readonly string[];

  private constructor(finders: readonly SocketFinder[], missing: readonly string[]) {
    this.#finders = finders;
    this.#missing = missing;
  }

  /** @param hearsEnds whether events tell of each end, and with which counters. Where none do, no connection rests. */
  static async open(
    { procRoot, nat }: Pick<AgentConfig, 'procRoot' | 'nat'>,
    hearsEnds: boolean,
  ): Promise<Finders> {
    const finders: SocketFinder[] = [];
    const missing: string[] = [];
    try {
      finders.push(new CounterFinder(await loadLibc(), { procRoot, ...(hearsEnds ? {} : { restMaxMs: 0 }) }));
    } catch (error) {
      missing.push(`Bytes and round trips of connections are not counted: ${errorLine(error)}.`);
    }
    finders.push(await ConntrackFinder.open({ procRoot, nat }));
    return new Finders(finders, missing);
  }

  /** For an agent whose sockets are not those of this machine. */
  static none(): Finders {
    return new Finders([], []);
  }

  *[Symbol.iterator](): Iterator<SocketFinder> {
    yield* this.#finders;
  }

  get figures(): readonly FinderFigure[] {
    return this.#finders.flatMap(({ figures }) => figures);
  }

  /** What events tell, with what is found out at once of the connections among it: behind their openings. */
  async complete(told: readonly Told[], succession: Succession): Promise<readonly Told[]> {
    const events = told.filter((each) => each.kind === 'opened' || each.kind === 'closed');
    const findings: SocketFinding[] = [];
    for (const finder of this.#finders) {
      findings.push(...((await finder.findAtOnce?.(events, succession)) ?? []));
    }
    if (findings.length === 0) return told;
    const found = new Map(findings.map((finding) => [finding.id, finding]));
    return told.flatMap((each) => {
      const finding = each.kind === 'opened' ? found.get(each.id) : undefined;
      return finding === undefined ? [each] : [each, finding];
    });
  }

  /** What is not found out, and why. */
  get cannotSee(): readonly string[] {
    return [...this.#missing, ...this.#finders.flatMap((finder) => finder.cannotSee)];
  }

  get tables(): readonly BoundedTable[] {
    return this.#finders.flatMap(({ tables }) => tables ?? []);
  }

  /** Idempotent. */
  close(): void {
    for (const finder of this.#finders) finder.close();
  }
}
