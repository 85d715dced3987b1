/**
 * What the scan program and the agent share: maps, in the machine's (little-endian) byte order. The program
 * writes them with these very fields, and the agent reads them at these very offsets.
 */
import type { Field } from './btf.ts';

/** One socket under one fd of one process, in ascending order of fd; those of a process follow each other. */
export const recordLayout = layout('record', {
  pid: 4,
  fd: 4,
  /** Host order. */
  localPort: 2,
  /** Host order. */
  remotePort: 2,
  /** IPPROTO_TCP 6, IPPROTO_UDP 17 or IPPROTO_MPTCP 262. */
  protocol: 2,
  /** TCP_ESTABLISHED 1 ... (include/net/tcp_states.h). */
  state: 1,
  /** Number of a subflow among those of an MPTCP socket, which have one inode; else 0. */
  subflow: 1,
  uid: 4,
  /** Inode of the socket's network namespace, which need not be that of the process. */
  netns: 4,
  /** Inode of the socket. */
  inode: 4,
  /** Low half of the start of the process: with the pid, it names the process. The hash of the tuple where there is none. */
  startLow: 4,
  /** 16 bytes in network order; an IPv4 address as ::ffff:a.b.c.d. */
  localIp: 16,
  remoteIp: 16,
});

/** One process that has files, in ascending order of its pid or, where its first thread has exited, of another's. */
export const taskLayout = layout('task', {
  /** As the agent's own pid namespace counts. */
  pid: 4,
  /** 0 when the parent is not in the agent's pid namespace. */
  parentPid: 4,
  /** Nanoseconds since boot, asleep or not. */
  startNs: 8,
  /** Inode number of its cgroup in the unified hierarchy. */
  cgroup: 8,
  /** Effective user. */
  uid: 4,
  netns: 4,
  /** NUL-terminated. */
  comm: 16,
  /** The thread whose files were read, counted like pid, and pid itself where the first thread lives. */
  tid: 4,
  /** Index of its first record. */
  firstRecord: 4,
  /** How many records there are of it, in this scan or, where `before` is not 0, in the one that described it last. */
  held: 4,
  /** 1 + its index in the last scan, where its sockets are those that were told then: none of them is told again. Else 0. */
  before: 4,
  /** Address of the hash table that its namespace keeps connections in; nearly all namespaces share one. */
  connections: 8,
});

/** A process with more listeners than that is read in every scan. */
export const listenersMax = 16;

/** What is kept of a process that was noted, at the same index, until the scan after: imprint-program.ts. */
export const imprintLayout = layout('imprint', {
  /** As in taskLayout. */
  startNs: 8,
  tid: 4,
  held: 4,
  /** Of all sockets of any kind that it has open, with their fds: fingerprint.ts. */
  fingerprint: 8,
  /** 1 when all that its records tell is told by events, should it change. */
  isSettled: 4,
  /** How many of listenerAddresses there are. */
  listeners: 4,
  /** Which of its slots held settled sockets: where that begins in the map of slotGroupLayout, and how many there are. */
  firstGroup: 4,
  groups: 4,
  /** Of struct sock, 8 bytes each. */
  listenerAddresses: 8 * listenersMax,
});

/** Of a process of the last scan, at the same index; the agent alone writes it. */
export const markLayout = layout('mark', {
  /** 1 when something changed. */
  isMarked: 8,
});

/** Some slots of an fd table, side by side. */
export const slotGroupLayout = layout('group', {
  /** One bit for each that held a socket which is settled, the lowest for the first. */
  settled: 8,
});

/** Counters of one scan; the agent sets them to 0 before it. */
export const controlLayout = layout('control', {
  records: 4,
  tasks: 4,
  /** Sockets and processes that found no room. */
  missedRecords: 4,
  missedTasks: 4,
  /** Listeners that have connections to accept. */
  acceptQueues: 4,
  /** Processes in whose namespace something is in TIME_WAIT, and listeners that have handshakes under way. */
  passing: 4,
  /** Of the last scan: how many processes it noted, 0 where none is to be recognised, and where their imprints begin. */
  tasksBefore: 4,
  imprintsBefore: 4,
  /** Where those of this scan begin. */
  imprintsNow: 4,
  /** The process of the last scan that is looked at next. */
  cursor: 4,
  /** What goes into the imprint of the process that is looked at. */
  fingerprint: 8,
  unsettled: 4,
  listeners: 4,
  /** Where the groups of the process that is looked at begin, and where the next free one is. */
  firstGroup: 4,
  groups: 4,
  listenerAddresses: 8 * listenersMax,
  /** Of the fd table that is looked at (open-slots.ts): address of the bits of its slots, and how many groups it has. */
  openSlots: 8,
  tableGroups: 4,
  /** The group that is looked at next, what is left of the bits that it is in, and the address of those after them. */
  group: 4,
  openBits: 8,
  openWord: 8,
  /** Address of the files last taken from a process whose first thread has exited: its threads share them. */
  threadFiles: 8,
  /** The thread that they were taken from. */
  thread: 4,
  padding: 4,
  /** Always 0, which the verifier does not know. */
  nothing: 8,
  /** Another number where one of the kernel's counts of connections without a file is: in TIME_WAIT, or to be accepted. */
  counts: 8,
  /** Listeners that have handshakes under way, and those of MPTCP that have connections to accept. */
  handshakes: 4,
  /** The namespace of the process that was looked at last. */
  lastNetns: 4,
});

/** What goes on between the agent and the walk over the connections. */
export const walkLayout = layout('walk', {
  records: 4,
  missedRecords: 4,
  /** Next bucket to be looked at; the agent sets it to 0. */
  bucket: 4,
  /** How many there are; 0 where the walk cannot be done. */
  buckets: 4,
  /** Set by the agent: 1 looks at open connections too, which nearly all have a process. */
  isThorough: 4,
  padding: 4,
});

/** What the learning program finds out. */
export const learnedLayout = layout('learned', {
  /** Address of the file operations that all sockets have, and nothing else. */
  socketOperations: 8,
  /** How deep below the initial pid namespace the agent is. */
  pidLevel: 4,
  padding: 4,
});

export interface Layout<Name extends string> {
  readonly fields: Readonly<Record<Name, Field>>;
  readonly bytes: number;
}

/** Fields one after the other. Throws RangeError when one is not aligned to its size, or the sum is not to 8 bytes. */
export function layout<Name extends string>(
  struct: string,
  sizes: Readonly<Record<Name, number>>,
): Layout<Name> {
  const fields: Partial<Record<Name, Field>> = {};
  let offset = 0;
  for (const [name, bytes] of Object.entries(sizes) as [Name, number][]) {
    if (offset % Math.min(bytes, 8) !== 0) throw new RangeError(`${struct}.${name} is not aligned`);
    fields[name] = { name: `${struct}.${name}`, offset, bytes };
    offset += bytes;
  }
  if (offset % 8 !== 0) throw new RangeError(`${struct} is not aligned`);
  return { fields: fields as Record<Name, Field>, bytes: offset };
}
