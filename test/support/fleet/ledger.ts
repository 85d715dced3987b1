/**
 * The ledger: what was really opened, written down by the processes that opened it, and the comparison of an answer
 * with it. An entry is matched when the answer has that connection once, with the right process at each end that an
 * agent watches, and says so; a connection in the answer that no entry accounts for is a phantom.
 */
import type { ConnectionDocument, EndDocument, Seen } from '../../../model/document.ts';
import { type Endpoint, formatEndpoint, sameEndpoint } from '../../../model/endpoint.ts';
import type { HeldSocket } from './peer.ts';

export interface LedgerEntry {
  readonly protocol: 'tcp' | 'udp';
  readonly client: HeldSocket;
  readonly server: HeldSocket;
  /** The pids that hold each end, ascending; more than one where it was shared. */
  readonly clientPids: readonly number[];
  readonly serverPids: readonly number[];
  open: boolean;
}

export interface Comparison {
  /** Open entries. */
  readonly total: number;
  readonly matched: number;
  /** One line for each open entry that is missing or wrong. */
  readonly mistakes: readonly string[];
  /** One line for each connection that nobody opened. */
  readonly phantoms: readonly string[];
}

export class Ledger {
  readonly entries: LedgerEntry[] = [];
  /** Server endpoints of the fleet's own conversations (agents, questions), which no entry accounts for. */
  readonly infrastructure = new Set<string>();
  /** Hosts without an agent: their ends are expected to be unseen. */
  readonly unwatched = new Set<string>();

  record(protocol: 'tcp' | 'udp', client: HeldSocket, server: HeldSocket): LedgerEntry {
    const entry = {
      protocol,
      client,
      server,
      clientPids: [client.pid],
      serverPids: [server.pid],
      open: true,
    };
    this.entries.push(entry);
    return entry;
  }

  /** Replaces an entry after one of its ends was handed to further processes. */
  share(entry: LedgerEntry, side: 'client' | 'server', pid: number): LedgerEntry {
    const pids = [...(side === 'client' ? entry.clientPids : entry.serverPids), pid].sort((a, b) => a - b);
    const shared = { ...entry, [`${side}Pids`]: pids };
    this.entries[this.entries.indexOf(entry)] = shared;
    return shared;
  }

  expectedSeen({ client, server }: LedgerEntry): Seen | 'none' {
    if (!this.unwatched.has(client.host)) return this.unwatched.has(server.host) ? 'client' : 'both';
    return this.unwatched.has(server.host) ? 'none' : 'server';
  }
}

/** @param answer the documents of `connections -o json` */
export function compareWithLedger(ledger: Ledger, answer: readonly ConnectionDocument[]): Comparison {
  const unaccounted = new Set(
    answer.filter(({ server }) => !ledger.infrastructure.has(formatEndpoint(server))),
  );
  const open = ledger.entries.filter((entry) => entry.open && ledger.expectedSeen(entry) !== 'none');
  const mistakes: string[] = [];
  for (const entry of open) {
    const found = [...unaccounted].filter(
      (document) => document.closedAt === null && isAbout(ledger, entry, document),
    );
    for (const document of found) unaccounted.delete(document);
    const wrong =
      found.length === 1 ? mistakesIn(ledger, entry, found[0]!) : [`${found.length} times in the answer`];
    if (wrong.length > 0) mistakes.push(`${formatEntry(entry)}: ${wrong.join('; ')}`);
  }
  // What has closed may stay in the answer for as long as it lingers.
  for (const document of unaccounted) {
    const mayLinger = (entry: LedgerEntry) => !entry.open && isAbout(ledger, entry, document);
    if (document.closedAt !== null && ledger.entries.some(mayLinger)) unaccounted.delete(document);
  }
  const phantoms = [...unaccounted].map(formatDocument);
  return { total: open.length, matched: open.length - mistakes.length, mistakes, phantoms };
}

/** `ledger 512/512 matched, 0 phantom`, and behind it the first mistakes and phantoms, if there are. */
export function formatComparison({ total, matched, mistakes, phantoms }: Comparison): string {
  const shown = [...mistakes.slice(0, 5), ...phantoms.slice(0, 5).map((phantom) => `phantom: ${phantom}`)];
  return [`ledger ${matched}/${total} matched, ${phantoms.length} phantom`, ...shown].join('\n');
}

/** Equal tuples exist on several hosts, so an end that is seen has to be on the right one. */
function isAbout(ledger: Ledger, entry: LedgerEntry, document: ConnectionDocument): boolean {
  return (
    document.protocol === entry.protocol &&
    isEndOf(ledger, entry.client, document.client) &&
    isEndOf(ledger, entry.server, document.server)
  );
}

function isEndOf(ledger: Ledger, held: HeldSocket, end: EndDocument): boolean {
  const sameAddress = held.local.port === end.port && held.local.ip === end.ip;
  return sameAddress && (ledger.unwatched.has(held.host) || end.host === null || end.host === held.host);
}

function mistakesIn(ledger: Ledger, entry: LedgerEntry, document: ConnectionDocument): readonly string[] {
  const seen = ledger.expectedSeen(entry);
  return [
    ...different('seen', document.seen, seen),
    ...different('state', document.state, 'established'),
    ...(seen === 'both' ? different('nat', formatNat(document), expectedNat(entry)) : []),
    ...(seen === 'server'
      ? unseenEnd('client', document.client)
      : endMistakes('client', entry, document.client)),
    ...(seen === 'client'
      ? unseenEnd('server', document.server)
      : endMistakes('server', entry, document.server)),
  ];
}

/** What each end saw of the other, where that is not the address which the other has; empty where it is. */
function expectedNat({ client, server }: LedgerEntry): string {
  if (client.remote === null || server.remote === null) return '';
  if (sameEndpoint(client.remote, server.local) && sameEndpoint(server.remote, client.local)) return '';
  return `${formatEndpoint(client.remote)} ${formatEndpoint(server.remote)}`;
}

function formatNat({ nat }: ConnectionDocument): string {
  return nat === null ? '' : `${nat.clientDialed} ${nat.serverSaw}`;
}

function endMistakes(side: 'client' | 'server', entry: LedgerEntry, end: EndDocument): readonly string[] {
  const held = entry[side];
  const owner = end.owners.find(({ pid }) => pid === held.pid);
  const pids = side === 'client' ? entry.clientPids : entry.serverPids;
  return [
    ...different(`${side}.host`, end.host, held.host),
    ...different(`${side}.pids`, end.owners.map(({ pid }) => pid).join(), pids.join()),
    ...different(`${side}.process`, owner?.process, held.process),
    ...different(`${side}.fds`, owner?.fds.join(), String(held.fd)),
    ...different(`${side}.pid`, end.pid, pids[0]),
  ];
}

/** An end that no agent watches has an address and nothing else that could be made up. */
function unseenEnd(side: string, end: EndDocument): readonly string[] {
  return [...different(`${side}.pid`, end.pid, null), ...different(`${side}.owners`, end.owners.length, 0)];
}

function different(what: string, is: unknown, expected: unknown): readonly string[] {
  return is === expected ? [] : [`${what} is ${String(is)}, not ${String(expected)}`];
}

function formatEntry({ protocol, client, server }: LedgerEntry): string {
  const side = (held: HeldSocket): string =>
    `${held.host}/${held.process}[${held.pid}] ${formatEndpoint(held.local)}`;
  return `${protocol} ${side(client)} -> ${side(server)}`;
}

function formatDocument({ protocol, client, server, seen, state, closedAt }: ConnectionDocument): string {
  const side = (end: Endpoint & EndDocument): string =>
    `${end.host ?? '?'}/${end.process ?? '?'}[${end.pid ?? '?'}] ${formatEndpoint(end)}`;
  return `${protocol} ${side(client)} -> ${side(server)} seen=${seen} ${closedAt === null ? state : 'closed'}`;
}
