/**
 * The oracle's ledger: every connection that its processes opened, each end written down by the process that held it.
 * Nothing that whotalks says is in it.
 */
import { type Endpoint, formatEndpoint } from '../../../model/endpoint.ts';

export type Side = 'client' | 'server';

/** One end, as its process knows it. Times are of the machine's clock, unix milliseconds. */
export interface LedgerEnd {
  readonly host: string;
  /** As the host's own /proc shows it. */
  readonly pid: number;
  readonly process: string;
  readonly openedAtMs: number;
  /** null = open. */
  closedAtMs: number | null;
}

/** One connection. An end is null for as long as its process has not told of it. */
export interface LedgerConnection {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly ends: { client: LedgerEnd | null; server: LedgerEnd | null };
}

/** What tells both directions of one conversation apart from all others that there are at the same time. */
export function conversationKey(client: Endpoint, server: Endpoint): string {
  return `${formatEndpoint(client)} ${formatEndpoint(server)}`;
}

export class OracleLedger {
  /** Generations of each conversation, oldest first: local ports are given again. */
  readonly #byKey = new Map<string, LedgerConnection[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  *connections(): Generator<LedgerConnection> {
    for (const generations of this.#byKey.values()) yield* generations;
  }

  /** The generations of one conversation, oldest first. */
  generations(key: string): readonly LedgerConnection[] {
    return this.#byKey.get(key) ?? [];
  }

  /** The two ends tell of themselves in any order. */
  opened(side: Side, client: Endpoint, server: Endpoint, end: LedgerEnd): LedgerConnection {
    const generations = this.#generationsOf(conversationKey(client, server));
    let connection = generations.find(({ ends }) => ends[side] === null);
    if (connection === undefined) {
      connection = { client, server, ends: { client: null, server: null } };
      generations.push(connection);
      this.#size++;
    }
    connection.ends[side] = end;
    return connection;
  }

  closed(side: Side, client: Endpoint, server: Endpoint, atMs: number): void {
    const generations = this.generations(conversationKey(client, server));
    const end = generations.map(({ ends }) => ends[side]).find((each) => each?.closedAtMs === null);
    if (end == null) throw new Error(`${conversationKey(client, server)}: closed, and never opened`);
    end.closedAtMs = atMs;
  }

  #generationsOf(key: string): LedgerConnection[] {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const generations: LedgerConnection[] = [];
    this.#byKey.set(key, generations);
    return generations;
  }
}

/** When both ends had been opened, as far as they were; unix milliseconds. */
export function openedAtMs({ ends }: LedgerConnection): number {
  return Math.min(...[ends.client, ends.server].flatMap((end) => (end === null ? [] : [end.openedAtMs])));
}

/** When the last of its ends was closed; null = one is open. */
export function closedAtMs({ ends }: LedgerConnection): number | null {
  const known = [ends.client, ends.server].filter((end) => end !== null);
  return known.some((end) => end.closedAtMs === null)
    ? null
    : Math.max(...known.map((end) => end.closedAtMs!));
}
