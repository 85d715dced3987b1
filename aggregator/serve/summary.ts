/** The answer in one plain sentence: who listens, who calls, and what is not known. */
import type { CoverageDocument, GapDocument, PeerDocument, UnseenBecause } from '../../model/document.ts';
import { formatEndpoint } from '../../model/endpoint.ts';
import { formatTerm, type Term } from '../../query/syntax.ts';
import type { ConnectionEnd, ListenerView } from './fleet-view.ts';

export interface Findings {
  readonly term: Term;
  /** False for a name that nothing in the fleet has: a misspelt one must not read as proof that nobody calls. */
  readonly isKnown: boolean;
  /** False for an address that no agent has: then only callers that have one are seen. */
  readonly isWatched: boolean;
  readonly peers: readonly PeerDocument[];
  readonly coverage: CoverageDocument;
  /** The realm asked about; '' = all. */
  readonly realm: string;
  /** Unix milliseconds: dates are left out of times of the same day. */
  readonly now: number;
}

/**
 * `index (java[4121], user idx) on idx1 listens on 10.1.100.9:8743; 3 services on 12 hosts call it; ...`
 *
 * @param listeners at the target itself
 * @param landings where connections that dialed it were translated to
 */
export function toSummary(
  findings: Findings,
  listeners: readonly ListenerView[],
  landings: readonly ConnectionEnd[],
): string {
  const target = formatTerm(findings.term);
  const listening = listenersPart(findings.term, listeners);
  if (findings.peers.length > 0) {
    const leading = landings.length === 0 ? [] : [`leads to ${landingsText(landings)}`];
    const opening =
      listening === null
        ? leading.map((part) => `${target} ${part}`)
        : [listening, ...leading.map((part) => `it ${part}`)];
    const openings = opening.length > 0 ? opening : [`No agent reports a listener on ${target}`];
    return sentence([...openings, ...callerParts(findings.peers), ...coverageParts(findings, false)]);
  }
  if (!findings.isKnown) return unknownName(findings);
  const since = timeText(findings.coverage.since, findings.now);
  const nobody =
    listening === null
      ? [`Nobody talked to ${target} since ${since}`]
      : [listening, `nobody talked to it since ${since}`];
  const unwatched = findings.isWatched ? [] : ['no agent is there, so callers without an agent are not seen'];
  return sentence([...nobody, ...unwatched, ...coverageParts(findings, true)]);
}

/** `checkout talks to 3 services on 2 hosts over 12 connections, 10 of them open; ...` */
export function fromSummary(findings: Findings): string {
  const source = formatTerm(findings.term);
  const since = timeText(findings.coverage.since, findings.now);
  if (findings.peers.length === 0) {
    if (!findings.isKnown) return unknownName(findings);
    return sentence([`${source} talked to nobody since ${since}`, ...coverageParts(findings, true)]);
  }
  const connections = findings.peers.reduce((sum, peer) => sum + peer.connections, 0);
  const open = findings.peers.reduce((sum, peer) => sum + peer.open, 0);
  const verb = open > 0 ? 'talks' : 'talked';
  const opening = `${source} ${verb} to ${placesText(findings.peers)} over ${count(connections, 'connection')}, ${open} open`;
  return sentence([opening, ...unknownParts(findings.peers, 'peer'), ...coverageParts(findings, false)]);
}

function unknownName(findings: Findings): string {
  const { term, coverage, now } = findings;
  const name = 'name' in term ? term.name : formatTerm(term);
  const since = timeText(coverage.since, now);
  return sentence([
    `No host or service called ${JSON.stringify(name)} was seen since ${since}`,
    ...coverageParts(findings, true),
  ]);
}

function listenersPart(term: Term, listeners: readonly ListenerView[]): string | null {
  const first = listeners[0];
  if (first === undefined) return null;
  const hosts = new Set(listeners.map((listener) => listener.socket.host.id)).size;
  if (listeners.length === 1) {
    const where = term.kind === 'endpoint' ? formatTerm(term) : formatEndpoint(first.socket.local);
    return `${holderText(first)} on ${first.socket.host.name} listens on ${where}`;
  }
  const names = [...new Set(listeners.map((listener) => listener.service ?? 'an unknown process'))];
  const who = names.length <= 3 ? enumeration(names) : count(names.length, 'service');
  const verb = names.length === 1 ? 'listens' : 'listen';
  return `${who} on ${count(hosts, 'host')} ${verb} there with ${count(listeners.length, 'socket')}`;
}

/** `api on node2 at 10.244.2.3:8443`, `api at 3 addresses`. */
function landingsText(landings: readonly ConnectionEnd[]): string {
  const first = landings[0]!;
  const services = [...new Set(landings.map(({ label }) => label))];
  if (landings.length > 1) {
    const who = services.length <= 3 ? enumeration(services) : count(services.length, 'service');
    return `${who} at ${count(landings.length, 'address', 'addresses')}`;
  }
  const at = formatEndpoint(first.endpoint);
  if (first.service === null) return first.host === null ? at : `${at} on ${first.host.name}`;
  return `${first.service}${first.host === null ? '' : ` on ${first.host.name}`} at ${at}`;
}

/** `index (java[4121], user idx)`, with the other processes of a prefork server counted. */
function holderText(listener: ListenerView): string {
  const process = listener.socket.owners[0]?.process;
  if (process === undefined) return listener.service ?? 'An unknown process';
  const more = listener.socket.owners.length - 1;
  const processes = `${process.comm}[${process.pid}]${more > 0 ? ` and ${more} more` : ''}`;
  const user = process.user === null ? '' : `, user ${process.user}`;
  return listener.service === null ? `${processes}${user}` : `${listener.service} (${processes}${user})`;
}

function callerParts(peers: readonly PeerDocument[]): string[] {
  const known = peers.filter(isKnown);
  const parts: string[] = [];
  if (known.length > 0) {
    const isCalling = known.some((peer) => peer.open > 0);
    const isPlural = distinct(known, nameOf) > 1;
    const verb = isCalling ? (isPlural ? 'call it' : 'calls it') : 'called it, but not now';
    parts.push(`${placesText(known)} ${verb}`);
  }
  return [...parts, ...unknownParts(peers, 'caller')];
}

/** A peer that an agent reports or claims, or that the operator named. */
function isKnown(peer: PeerDocument): boolean {
  return peer.host !== null || peer.service !== null;
}

function placesText(peers: readonly PeerDocument[]): string {
  const known = peers.filter(isKnown);
  if (known.length === 0) return count(distinct(peers, nameOf), 'address', 'addresses');
  const hosts = distinct(
    known.filter((peer) => peer.host !== null),
    (peer) => peer.host!,
  );
  const services = count(distinct(known, nameOf), 'service');
  return hosts === 0 ? services : `${services} on ${count(hosts, 'host')}`;
}

function nameOf(peer: PeerDocument): string {
  return peer.service ?? peer.process ?? peer.ip;
}

const unknownTexts: Readonly<Record<UnseenBecause, string>> = {
  'no-agent': 'without an agent',
  'agent-stale': 'whose agent is silent',
  'not-yet': 'not reported yet',
  'closed-first': 'gone before its agent looked',
  translated: 'behind address translation',
  ambiguous: 'at an address that several agents claim',
};

/** `1 caller has no agent`; other reasons by their own words. */
function unknownParts(peers: readonly PeerDocument[], noun: string): string[] {
  const byReason = new Map<UnseenBecause, Set<string>>();
  for (const peer of peers.filter((candidate) => !isKnown(candidate))) {
    const reason = peer.unseenBecause ?? 'not-yet';
    byReason.set(reason, (byReason.get(reason) ?? new Set()).add(peer.ip));
  }
  return [...byReason].map(([reason, ips]) => {
    const who = count(ips.size, noun);
    if (reason === 'no-agent') return `${who} ${ips.size === 1 ? 'has' : 'have'} no agent`;
    return `${who} ${ips.size === 1 ? 'is' : 'are'} ${unknownTexts[reason]}`;
  });
}

/** How many gaps a sentence names. */
const gapsNamed = 3;

/** @param always whether complete coverage is said too: it is the proof when nothing was found */
function coverageParts({ coverage, realm, now }: Findings, always: boolean): string[] {
  const parts: string[] = [];
  if (always || coverage.reporting < coverage.hosts) {
    const verb = coverage.hosts === 1 ? 'reports' : 'report';
    parts.push(
      coverage.hosts === 0
        ? `no host${realm === '' ? '' : ` of realm ${realm}`} reports yet`
        : `${coverage.reporting} of ${count(coverage.hosts, 'host')} ${verb}`,
    );
  }
  if (coverage.gaps.length > 0) {
    const named = coverage.gaps.slice(-gapsNamed).map((gap) => gapText(gap, now));
    const more = coverage.gaps.length > gapsNamed ? ', ...' : '';
    parts.push(`${count(coverage.gaps.length, 'gap')}: ${named.join(', ')}${more}`);
  }
  return parts;
}

function gapText(gap: GapDocument, now: number): string {
  return `${gap.host} ${clockText(gap.from, now)}-${clockText(gap.to, now)}`;
}

/** `14:02 UTC`, or with its date when that is not today's. */
function timeText(time: string, now: number): string {
  return `${clockText(time, now)} UTC`;
}

function clockText(time: string, now: number): string {
  const isToday = time.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return isToday ? time.slice(11, 16) : `${time.slice(0, 10)} ${time.slice(11, 16)}`;
}

/** `a`, `a and b`, `a, b and c`. */
function enumeration(names: readonly string[]): string {
  if (names.length < 2) return names.join();
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function distinct(peers: readonly PeerDocument[], key: (peer: PeerDocument) => string): number {
  return new Set(peers.map(key)).size;
}

function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

function sentence(parts: readonly string[]): string {
  return `${parts.join('; ')}.`;
}
