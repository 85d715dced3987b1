/** What plain connections are kept within, and whom they tell (plain-connections.ts). */
import type { Process } from '../../model/process.ts';
import type { Edge, Edges } from '../graph/edges.ts';
import type { Connection } from './connection.ts';
import type { PlainRow } from './plain-reading.ts';
import type { ReportingHost } from './report.ts';

/** Memory is reserved for so many, and taken as it is used. */
export interface PlainLimits {
  /** Connections in the core at a time, open ones and those that linger; what is more is kept as objects. */
  readonly plainMax: number;
  readonly graceMs: number;
  readonly lingerMs: number;
}

/** What became of connections, for whoever shows them. Rows are for `connectionAt`. */
export interface PlainObserver {
  readonly edgeTable: Edges;
  /** What an end is called that a process has. */
  labelOf(process: Process, host: ReportingHost): string;
  /** An edge has its first connection; `plainPlaced` of that follows. */
  edgeBegan(edge: Edge, nowMs: number): void;
  /** Both ends are known. @param acceptedMs of the later one */
  plainMatched(acceptedMs: number): void;
  plainPlaced(row: number, nowMs: number): void;
  plainClosed(row: number, nowMs: number): void;
}

/** Takes what left, with all that was concluded from it. It must retain the keys of its halves. */
export type TakeLeft = (connection: Connection, left: PlainRow, nowMs: number) => void;
