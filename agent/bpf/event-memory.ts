/** What the programs of connection events write, in the machine's (little-endian) byte order. */
import { layout } from './scan-memory.ts';

/** How a process came to stand for a socket. A later, better reason replaces an earlier one, `connected` none. */
export const standings = {
  /** It opened the connection. */
  connected: 1,
  /** It listens. */
  listening: 2,
  /** It listens where the connection was accepted. */
  accepted: 3,
  /** It closed, or shut down, a connection that it had not opened: it held it in the end. */
  closing: 4,
  /** It held the socket when the agent started. */
  found: 5,
} as const;

/** What is kept beside a socket, from when its process is known until it is freed. */
export const holderLayout = layout('holder', {
  /** Start of the process, nanoseconds since boot, asleep or not. */
  startNs: 8,
  /** When the connection was begun or accepted, CLOCK_MONOTONIC; 0 = not known. */
  openedNs: 8,
  /** As the agent's own pid namespace counts; 0 = not known. */
  pid: 4,
  /** Effective user of the process. */
  uid: 4,
  /** Of standings. */
  standing: 4,
  /** The state whose event was told last by a program of packets. */
  told: 4,
  /** NUL-terminated. */
  comm: 16,
});

/** One change of a connection: from opening to established, or from anything to closed. */
export const eventLayoutInRing = layout('event', {
  /** CLOCK_MONOTONIC. */
  atNs: 8,
  openedNs: 8,
  startNs: 8,
  bytesAcked: 8,
  bytesReceived: 8,
  /** 0 = no process is known; then all that is told of it is 0. */
  pid: 4,
  holderUid: 4,
  /** User of the socket. */
  uid: 4,
  /** Inode of the socket's network namespace. */
  netns: 4,
  /** Smoothed, in microseconds, eight times over; 0 = none was measured. */
  roundTrip: 4,
  retransmits: 4,
  /** Host order. */
  localPort: 2,
  /** Host order. */
  remotePort: 2,
  /** TCP_ESTABLISHED 1 ... (include/net/tcp_states.h). */
  before: 1,
  after: 1,
  /** Of standings. */
  standing: 1,
  padding: 1,
  /** 16 bytes in network order; an IPv4 address as ::ffff:a.b.c.d. */
  localIp: 16,
  remoteIp: 16,
  /** NUL-terminated. */
  comm: 16,
});

/**
 * What the programs could not do, since they were loaded. Every way out of a program by which a change of the own host is
 * not told adds to one of these; event-program.ts says which changes are none to be told.
 */
export const lossLayout = layout('losses', {
  /** Beginnings and ends that found the ring full. */
  opened: 8,
  closed: 8,
  /** Processes for which the kernel had no memory beside their socket. Below the initial pid namespace its events are lost. */
  unnoted: 8,
  /** Changes of what the kernel does not take for a TCP socket. */
  unread: 8,
  /** Changes without memory beside their socket, of which the second program of packets cannot know whether the first told. */
  undecided: 8,
});
