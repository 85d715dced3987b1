/**
 * One socket in the slot table. There is one for each socket of the host for as long as it is there, so it is kept lean:
 * what differs from what was told is one number, and the time before which nobody looked stands as a difference, which
 * V8 keeps in the record itself; a Unix time is an object of 16 bytes besides.
 */
import type { FourTuple } from '../../model/four-tuple.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { SocketEvent } from '../../model/socket-event.ts';
import type { ForwardedFlow, Translation } from '../../model/translation.ts';

/** What may differ from what was told, as bits of SlotRecord.changes. */
export const changeBits = {
  /** State or inode. */
  state: 1,
  owners: 2,
  translation: 4,
  counters: 8,
} as const;

/** SlotRecord.unseenMs: nobody looked before the socket was first seen. */
export const nobodyLooked = -1;

export interface SlotRecord {
  readonly slot: number;
  /** SocketEvent.id. */
  readonly id: number;
  readonly openedAtMs: number;
  /** For how long before that nobody looked, or nobodyLooked. */
  readonly unseenMs: number;
  /** As last seen; of a flow that the host passes on, its tuple as dialed in the guise of a socket. */
  socket: OwnedSocket;
  /** null = a socket of this host; else how it passes the conversation on. */
  readonly forwarded: FourTuple | null;
  /** A peer of an unconnected socket, known by conntrack alone. */
  readonly byConntrack: boolean;
  /** null = conntrack has not told. */
  translation: Translation | null;
  /** null = not counted yet. */
  counters: SocketCounters | null;
  /** As the aggregator has them on the stream that it was told on last, so that growth can be told; null = nobody knows. */
  toldCounters: SocketCounters | null;
  /** null while it is there. */
  closedAtMs: number | null;
  /** changeBits of what is to be told, once its opening was. */
  changes: number;
  /** The stream that it was told on last; negative the one during which it came, while it was told on none. */
  stream: number;
}

/** What begins a record. */
export type Opening = Pick<
  Extract<SocketEvent, { kind: 'opened' }>,
  'id' | 'socket' | 'openedAtMs' | 'notBeforeMs'
> & {
  readonly kind: 'opened' | 'peer-opened' | 'forwarded';
};

/** A flow that the host passes on, in the guise of a socket. */
export function flowAsSocket({ protocol, netns, dialed }: ForwardedFlow): OwnedSocket {
  return { protocol, state: 'established', ...dialed, inode: 0, uid: 0, netns, owners: [] };
}

/** @param stream the current one, during which it comes */
export function openedRecord(
  { kind, id, socket, openedAtMs, notBeforeMs }: Opening,
  slot: number,
  stream: number,
  forwarded: FourTuple | null,
): SlotRecord {
  return {
    slot,
    id,
    openedAtMs,
    unseenMs: notBeforeMs === 0 ? nobodyLooked : Math.max(0, openedAtMs - notBeforeMs),
    socket,
    forwarded,
    byConntrack: kind === 'peer-opened',
    translation: null,
    counters: null,
    toldCounters: null,
    closedAtMs: null,
    changes: 0,
    stream: -stream,
  };
}
