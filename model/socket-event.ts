/** What an agent tells of its sockets between two scans. Times are unix milliseconds of the agent's clock. */
import type { OwnedSocket } from './socket.ts';
import type { SocketCounters } from './socket-counters.ts';
import type { ForwardedFlow, Translation } from './translation.ts';

export type SocketEvent =
  | {
      readonly kind: 'opened';
      readonly id: number;
      readonly socket: OwnedSocket;
      /** When it was first seen. */
      readonly openedAtMs: number;
      /** The last scan that did not show it: it was opened after this. 0 when no earlier scan looked. */
      readonly notBeforeMs: number;
    }
  /** State, owners or inode became different; tuple and namespace never do. */
  | { readonly kind: 'changed'; readonly id: number; readonly socket: OwnedSocket; readonly atMs: number }
  | {
      readonly kind: 'closed';
      readonly id: number;
      readonly socket: OwnedSocket;
      readonly closedAtMs: number;
    };
// `id` is the agent's own number for the socket: never reused within one run of the agent, nor for a flow.

/** What is found out beside the scans, of sockets and of flows that the host passes on. */
export type SocketFinding =
  /** How conntrack sees an open socket; replaces what was told before. */
  | { readonly kind: 'translated'; readonly id: number; readonly translation: Translation }
  /** The kernel's counters of an open socket; the last ones come before its close. */
  | { readonly kind: 'counted'; readonly id: number; readonly counters: SocketCounters }
  | {
      readonly kind: 'forwarded';
      readonly id: number;
      readonly flow: ForwardedFlow;
      readonly openedAtMs: number;
    }
  | { readonly kind: 'forward-closed'; readonly id: number; readonly closedAtMs: number }
  /**
   * A peer of a UDP socket that is connected to none, as conntrack tells it. The row has that peer as its remote end, and
   * is `established`, inode and owners are those of the socket; the socket itself goes on as a listener.
   */
  | {
      readonly kind: 'peer-opened';
      readonly id: number;
      readonly socket: OwnedSocket;
      /** When it was first seen, and the last look that did not show it: 0 when none did. */
      readonly openedAtMs: number;
      readonly notBeforeMs: number;
    }
  /** Owners or inode became different. */
  | { readonly kind: 'peer-changed'; readonly id: number; readonly socket: OwnedSocket }
  /** Conntrack has forgotten it, or its socket is closed. */
  | { readonly kind: 'peer-closed'; readonly id: number; readonly closedAtMs: number };
