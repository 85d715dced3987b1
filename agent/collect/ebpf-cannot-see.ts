/** What the eBPF rung could not see, in plain sentences. It sees every process, so what it lacks are details. */
import type { FoundSockets } from '../bpf/scan-maps.ts';
import type { NameProblems } from '../resolve/container-names.ts';
import type { InterfaceProblems } from '../resolve/namespace-table.ts';
import { cannotSee, counted, reasons } from './cannot-see.ts';
import type { OwnerlessTables } from './ownerless-sockets.ts';
import type { Privilege } from './privilege.ts';
import type { DetailBlindness } from './task-details.ts';

export interface EbpfBlindness {
  readonly privilege: Privilege;
  /** /proc leaves out the processes of other users, which eBPF shows all the same. */
  readonly hidesOthers: boolean;
  readonly found: Pick<FoundSockets, 'missedRecords' | 'missedTasks'>;
  readonly tables: Pick<OwnerlessTables, 'closed' | 'closedEntries' | 'missedConnections' | 'read'>;
  readonly interfaces: InterfaceProblems;
  readonly names: NameProblems;
  readonly details: DetailBlindness;
}

/** Empty when the scan is complete. */
export function ebpfCannotSee(blindness: EbpfBlindness): string[] {
  const { privilege, hidesOthers, found, tables, interfaces, names, details } = blindness;
  const { missedRecords, missedTasks } = found;
  const sentences = cannotSee({
    privilege,
    closedProcesses: 0,
    unplacedProcesses: 0,
    closedNamespaces: 0,
    hidesOthers: false,
    truncatedTables: tables.read.flatMap(({ truncated }) => truncated),
    // Who is hidden is no way into a namespace: then nothing is read from /proc instead.
    closedEntries: hidesOthers ? null : tables.closedEntries,
    interfaces,
    names,
  });
  if (hidesOthers && tables.closedEntries !== null) {
    const { namespaces } = tables.closedEntries;
    sentences.unshift(
      `Sockets that no process holds may be missing in ${counted(namespaces, 'other network namespace', 'other network namespaces')}: ` +
        '/proc hides the processes there by its hidepid option, and the agent may not enter; this needs CAP_SYS_ADMIN ' +
        'and CAP_SYS_PTRACE.',
    );
  }
  if (tables.closed > 0) {
    sentences.unshift(
      `Sockets that no process holds may be missing in ${counted(tables.closed, 'network namespace', 'network namespaces')}, ` +
        `whose tables cannot be read: ${reasons[privilege]}.`,
    );
  }
  if (privilege === 'unknown' && !details.isLooking) {
    sentences.push(
      'The executables and command lines of processes are unknown: /proc cannot be read; look for what is mounted there.',
    );
  } else if (privilege !== 'capable' && !details.isLooking) {
    sentences.push(
      'The executables and command lines of other users’ processes may be unknown: ' +
        'this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.',
    );
  }
  if (details.unplacedProcesses > 0) {
    sentences.push(
      `The containers and units of ${counted(details.unplacedProcesses, 'process', 'processes')} may be unknown, because this machine has ` +
        'cgroups of version 1, which only /proc tells, and theirs is closed to the agent: this needs CAP_SYS_PTRACE.',
    );
  }
  const missedSockets = missedRecords + tables.missedConnections;
  if (missedSockets > 0 || missedTasks > 0) {
    sentences.push(
      `${missedSockets} sockets and all sockets of ${missedTasks} processes are left out: ` +
        'there are more than whotalks reads in one scan.',
    );
  }
  return sentences;
}
