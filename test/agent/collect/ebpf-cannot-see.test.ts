/** The sentences about what the eBPF rung could not see. */
import { expect, it } from 'vitest';
import { type EbpfBlindness, ebpfCannotSee } from '../../../agent/collect/ebpf-cannot-see.ts';

const complete: EbpfBlindness = {
  privilege: 'user',
  hidesOthers: false,
  found: { missedRecords: 0, missedTasks: 0 },
  tables: { closed: 0, closedEntries: null, missedConnections: 0, read: [] },
  interfaces: { host: null, others: null },
  names: { refused: 0, source: null },
  details: { isLooking: true, unplacedProcesses: 0 },
};

const closedEntries = { namespaces: 2, reason: 'EPERM' };

it('a complete scan has none, whoever makes it', () => {
  expect(ebpfCannotSee(complete)).toEqual([]);
  expect(ebpfCannotSee({ ...complete, hidesOthers: true })).toEqual([]);
});

it.each<[string, Partial<EbpfBlindness>, string]>([
  [
    'a look that is not offered',
    { details: { isLooking: false, unplacedProcesses: 0 } },
    'The executables and command lines of other users’ processes may be unknown: this needs CAP_SYS_PTRACE and ' +
      'CAP_DAC_READ_SEARCH.',
  ],
  [
    'cgroups of version 1 behind a closed /proc',
    { details: { isLooking: true, unplacedProcesses: 3 } },
    'The containers and units of 3 processes may be unknown, because this machine has cgroups of version 1, which only ' +
      '/proc tells, and theirs is closed to the agent: this needs CAP_SYS_PTRACE.',
  ],
  [
    'namespaces that are closed, where /proc shows their processes',
    { tables: { ...complete.tables, closedEntries } },
    'The sockets of 2 other network namespaces are read from /proc, which is slower, because the agent may not enter ' +
      'them (EPERM): this needs CAP_SYS_ADMIN.',
  ],
  [
    'namespaces that are closed, where /proc hides their processes',
    { hidesOthers: true, tables: { ...complete.tables, closedEntries } },
    'Sockets that no process holds may be missing in 2 other network namespaces: /proc hides the ' +
      'processes there by its hidepid option, and the agent may not enter; this needs CAP_SYS_ADMIN and CAP_SYS_PTRACE.',
  ],
  [
    'more sockets than there is room for',
    { found: { missedRecords: 5, missedTasks: 1 } },
    '5 sockets and all sockets of 1 processes are left out: there are more than whotalks reads in one scan.',
  ],
])('%s', (_, blindness, sentence) => {
  expect(ebpfCannotSee({ ...complete, ...blindness })).toEqual([sentence]);
});
