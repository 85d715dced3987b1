/**
 * The columns of AgentMessage: their field numbers, by section and by the name under which AgentBatch has them. The proto
 * file says the same and more; numbers that are known when this is compiled save a look-up per column of each message.
 */

export const columnNumbers = {
  opens: {
    slot: 80,
    localAddress: 81,
    remoteAddress: 18,
    ports: 19,
    meta: 82,
    netns: 91,
    inode: 84,
    uid: 85,
    process: 92,
    fd: 87,
    ageMs: 88,
    unseenMs: 89,
    id: 90,
  },
  closes: { slot: 96, ageMs: 97 },
  updates: { slot: 40, state: 41, inode: 42 },
  owners: { slot: 49, process: 50, fd: 51 },
  nat: { slot: 56, role: 57 },
  stages: { slot: 58, localAddress: 59, remoteAddress: 60, ports: 61, v6: 62 },
  counters: { slot: 64, sent: 65, received: 66, rttUs: 67, retransmits: 68 },
  grown: { slot: 104, sent: 105, received: 106, rttUs: 108 },
} as const;

export type SectionName = keyof typeof columnNumbers;

/** Columns that are no part of a section. */
export const listNumbers = { reownedSlots: 48, droppedProcesses: 10, droppedNetns: 11 } as const;

export type ListName = keyof typeof listNumbers;
