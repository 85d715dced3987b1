/** What a scan could not see, in plain sentences: what, why, and what to do. */
import type { NameProblems } from '../resolve/container-names.ts';
import type { InterfaceProblems } from '../resolve/namespace-table.ts';
import type { Privilege } from './privilege.ts';

export interface Blindness {
  readonly privilege: Privilege;
  /** Processes whose open files are closed to the agent. */
  readonly closedProcesses: number;
  /** Processes whose network namespace the agent may not know. */
  readonly unplacedProcesses: number;
  /** Namespaces whose socket tables the agent may not read. */
  readonly closedNamespaces: number;
  /** /proc leaves out the processes of other users. */
  readonly hidesOthers: boolean;
  /** Socket tables that were longer than the agent reads. */
  readonly truncatedTables: readonly string[];
  /** Namespaces that the agent may not enter, and why, where it would rather do so; null = it entered all. */
  readonly closedEntries: { readonly namespaces: number; readonly reason: string } | null;
  readonly interfaces: InterfaceProblems;
  readonly names: NameProblems;
}

/** Why Linux guards something, and what to do about it, as the end of a sentence. */
export const reasons = {
  capable:
    'the kernel guards them even from CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, which the agent has; ' +
    'look for a security module or a sandbox',
  root: 'this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; being root is not enough here, give the agent both',
  user: 'this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; run as root',
  unknown: 'this /proc does not show the agent; look for what is mounted there',
} as const;

/** Empty when the scan is complete. */
export function cannotSee(blindness: Blindness): string[] {
  const sentences: string[] = [];
  const reason = reasons[blindness.privilege];
  if (blindness.hidesOthers) {
    sentences.push(
      'The processes of other users are hidden by the hidepid option of /proc, so their sockets show no owner, and ' +
        `sockets of other network namespaces may be missing: ${reason}.`,
    );
  }
  if (blindness.closedProcesses > 0) {
    const processes = counted(blindness.closedProcesses, 'process', 'processes');
    sentences.push(
      `The open files of ${processes} cannot be read, so their sockets show no owner: ${reason}.`,
    );
  }
  if (blindness.unplacedProcesses > 0) {
    const processes = counted(blindness.unplacedProcesses, 'process', 'processes');
    sentences.push(
      `The network namespace of ${processes} is unknown, so sockets of other namespaces may be missing: ${reason}.`,
    );
  }
  if (blindness.closedNamespaces > 0) {
    const namespaces = counted(blindness.closedNamespaces, 'network namespace', 'network namespaces');
    sentences.push(`The socket tables of ${namespaces} cannot be read: ${reason}.`);
  }
  for (const table of blindness.truncatedTables) {
    sentences.push(`The end of ${table} was not read: it is longer than whotalks reads in one scan.`);
  }
  if (blindness.closedEntries !== null) {
    const { namespaces, reason } = blindness.closedEntries;
    sentences.push(
      `The sockets of ${counted(namespaces, 'other network namespace', 'other network namespaces')} are read from ` +
        `/proc, which is slower, because the agent may not enter them (${reason}): this needs CAP_SYS_ADMIN.`,
    );
  }
  const { host, others } = blindness.interfaces;
  if (host !== null) {
    sentences.push(
      'Host-local container networks are not told apart from routed ones: ' +
        `${host}; reinstall whotalks with its native module koffi, or allow AF_NETLINK.`,
    );
  }
  if (host === null && others !== null) sentences.push(...withoutInterfaces(others));
  const { refused, source } = blindness.names;
  if (source !== null) sentences.push(source);
  else if (refused > 0) {
    sentences.push(
      `The names of ${counted(refused, 'container', 'containers')} are unknown, because the files ` +
        'of their runtime are closed to the agent: run as root, or add its user to the group docker.',
    );
  }
  return sentences;
}

function withoutInterfaces({
  namespaces,
  hidden,
  reason,
}: NonNullable<InterfaceProblems['others']>): string[] {
  const sentences: string[] = [];
  const counts = (count: number): string =>
    counted(count, 'other network namespace', 'other network namespaces');
  if (namespaces > hidden) {
    sentences.push(
      `The addresses of ${counts(namespaces - hidden)} are looked up now and then only, and host-local networks ` +
        `inside are not told apart: ${reason}.`,
    );
  }
  if (hidden > 0) sentences.push(`The addresses and networks of ${counts(hidden)} are unknown: ${reason}.`);
  return sentences;
}

export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
