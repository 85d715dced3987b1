/** The sentences about what a scan could not see. */
import { expect, it } from 'vitest';
import { type Blindness, cannotSee } from '../../../agent/collect/cannot-see.ts';

const nothing: Blindness = {
  privilege: 'user',
  closedProcesses: 0,
  unplacedProcesses: 0,
  closedNamespaces: 0,
  hidesOthers: false,
  truncatedTables: [],
  closedEntries: null,
  interfaces: { host: null, others: null },
  names: { refused: 0, source: null },
};

const need = 'this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; run as root.';

it('a complete scan has none', () => expect(cannotSee(nothing)).toEqual([]));

it.each([
  [
    { closedProcesses: 41 },
    `The open files of 41 processes cannot be read, so their sockets show no owner: ${need}`,
  ],
  [
    { closedProcesses: 1 },
    `The open files of 1 process cannot be read, so their sockets show no owner: ${need}`,
  ],
  [
    { unplacedProcesses: 2 },
    `The network namespace of 2 processes is unknown, so sockets of other namespaces may be missing: ${need}`,
  ],
  [{ closedNamespaces: 1 }, `The socket tables of 1 network namespace cannot be read: ${need}`],
  [
    { hidesOthers: true },
    'The processes of other users are hidden by the hidepid option of /proc, so their sockets show no owner, and ' +
      `sockets of other network namespaces may be missing: ${need}`,
  ],
  [
    { truncatedTables: ['/proc/1/net/tcp'] },
    'The end of /proc/1/net/tcp was not read: it is longer than whotalks reads in one scan.',
  ],
  [
    { closedEntries: { namespaces: 2, reason: 'EPERM' } },
    'The sockets of 2 other network namespaces are read from /proc, which is slower, because the agent may not enter ' +
      'them (EPERM): this needs CAP_SYS_ADMIN.',
  ],
  [
    {
      interfaces: {
        host: 'cannot load koffi: not installed',
        others: { namespaces: 3, hidden: 0, reason: 'the same' },
      },
    },
    'Host-local container networks are not told apart from routed ones: cannot load koffi: not installed; reinstall ' +
      'whotalks with its native module koffi, or allow AF_NETLINK.',
  ],
  [
    {
      interfaces: {
        host: null,
        others: { namespaces: 1, hidden: 0, reason: 'cannot enter network namespaces: EPERM' },
      },
    },
    'The addresses of 1 other network namespace are looked up now and then only, and host-local networks inside are ' +
      'not told apart: cannot enter network namespaces: EPERM.',
  ],
  [
    { interfaces: { host: null, others: { namespaces: 2, hidden: 2, reason: 'EPERM' } } },
    'The addresses and networks of 2 other network namespaces are unknown: EPERM.',
  ],
  [
    { names: { refused: 2, source: null } },
    'The names of 2 containers are unknown, because the files of their runtime are closed to the agent: run as root, or ' +
      'add its user to the group docker.',
  ],
  [
    { closedNamespaces: 1, privilege: 'root' as const },
    'The socket tables of 1 network namespace cannot be read: this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; ' +
      'being root is not enough here, give the agent both.',
  ],
  [
    { closedProcesses: 1, privilege: 'capable' as const },
    'The open files of 1 process cannot be read, so their sockets show no owner: the kernel guards them even from ' +
      'CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, which the agent has; look for a security module or a sandbox.',
  ],
])('%o', (blindness, sentence) => expect(cannotSee({ ...nothing, ...blindness })).toEqual([sentence]));
