/** A row of a message that opens a socket, as an object. */
import type { Endpoint } from '../../model/endpoint.ts';
import type { FourTuple } from '../../model/four-tuple.ts';
import type { Owner } from '../../model/process.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';
import type { Translation } from '../../model/translation.ts';
import type { ReportedSocket, ReportingHost } from '../correlate/report.ts';

/** A socket as one message opens it, and closes it where both stand in the same message. */
export interface OpenedRow {
  readonly slot: number;
  /** The agent's number, unique within its epoch. */
  readonly id: number;
  readonly protocol: Protocol;
  readonly state: SocketState;
  /** Inode of its namespace. */
  readonly netns: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly inode: number;
  readonly uid: number;
  readonly owners: readonly Owner[];
  readonly openedAtMs: number;
  /** 0 = unknown. */
  readonly notBeforeMs: number;
  /** When the message came; monotonic clock. */
  readonly acceptedMs: number;
  /** null = a socket; else a conversation that the host passes on, as it goes out. */
  readonly forwarded: FourTuple | null;
  readonly byConntrack: boolean;
  readonly translation: Translation | null;
  counters: SocketCounters | null;
  closedAtMs: number | null;
}

/** The socket that it tells of. @param closedAtMs null where it is there, or to be closed by whoever asks */
export function reportedBy(
  host: ReportingHost,
  epoch: number,
  open: OpenedRow,
  closedAtMs: number | null,
): ReportedSocket {
  const { slot: _, id, closedAtMs: __, forwarded: ___, ...described } = open;
  return { host, ...described, id: `${epoch.toString(36)}-${id}`, closedAtMs, token: undefined };
}
