/** Who read command lines, for the audit log: the first answer of each token, and once an hour how many more there were. */
import type { Audit } from './audit.ts';
import { actionName } from './authorise.ts';

export const intervalMs = 3_600_000;

/** Tokens that are counted at a time; beyond it the one that was told of longest ago is forgotten, and so told of again. */
export const readersMax = 1024;

interface Reader {
  readonly toldMs: number;
  more: number;
}

export class CmdlineReads {
  readonly #audit: Audit;
  /** By token; who was told of longest ago stands first. */
  readonly #readers = new Map<string, Reader>();

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  /** @param nowMs of a clock that never steps */
  count(tokenId: string, subject: string, peer: string, action: string, nowMs: number): void {
    const reader = this.#readers.get(tokenId);
    if (reader !== undefined && nowMs < reader.toldMs + intervalMs) {
      reader.more += 1;
      return;
    }
    this.#readers.delete(tokenId);
    if (this.#readers.size >= readersMax) this.#readers.delete(this.#readers.keys().next().value!);
    this.#readers.set(tokenId, { toldMs: nowMs, more: 0 });
    const before =
      reader === undefined || reader.more === 0 ? '' : `, and ${reader.more} times since this was told last`;
    this.#audit({
      kind: 'cmdlines-read',
      subject,
      peer,
      detail: `asked ${actionName(action)}, whose answer has command lines${before}`,
    });
  }
}
