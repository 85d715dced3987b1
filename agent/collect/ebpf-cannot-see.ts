/** What the eBPF rung could not see, in plain sentences. It sees every process, so what it lacks are details. */
import type { FoundSockets } from '../bpf/scan-maps.ts';
import type { InterfaceProblems } from '../resolve/namespace-table.ts';
import { cannotSee, counted, reasons } from './cannot-see.ts';
import type { OwnerlessTables } from './ownerless-sockets.ts';
import type { Privilege } from './privilege.ts';
import type { DetailBlindness } from './task-details.ts';

export function ebpfCannotSee(
  privilege: Privilege,
  { missedRecords, missedTasks }: Pick<FoundSockets, 'missedRecords' | 'missedTasks'>,
  tables: OwnerlessTables,
  interfaces: InterfaceProblems,
  unnamedContainers: number,
  details: DetailBlindness,
): string[] {
  const sentences = cannotSee({
    privilege,
    closedProcesses: 0,
    unplacedProcesses: 0,
    closedNamespaces: 0,
    hidesOthers: false,
    truncatedTables: tables.read.flatMap(({ truncated }) => truncated),
    closedEntries: tables.closedEntries,
    interfaces,
    unnamedContainers,
  });
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
