/**
 * The check: what is in the answers beside what is in the ledger, once faults are over. Pure.
 *
 * Every connection of the ledger has to be told exactly once, open or closed as it is, with the right process at both ends.
 * An end that is missing is declared where the end of the connection lies in a gap of that host: a gap says that nobody
 * looked, or that what was seen was dropped. A gap excuses nothing that is still open, and no wrong process.
 */
import type { ConnectionDocument, EndDocument, GapDocument } from '../../../model/document.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import {
  closedAtMs,
  type LedgerConnection,
  type LedgerEnd,
  type OracleLedger,
  openedAtMs,
  type Side,
} from './oracle-ledger.ts';
import { pairWithLedger } from './pairing.ts';

export interface Question {
  readonly ledger: OracleLedger;
  /** `connections`, those that closed included. */
  readonly answer: readonly ConnectionDocument[];
  /** `hosts`: all gaps that are declared. */
  readonly gaps: readonly GapDocument[];
  /** When it was asked, unix milliseconds: what happened just before need not be told yet. */
  readonly askedAtMs: number;
  /** Shorter-lived ones are not judged: the collector in use cannot be expected to see them. */
  readonly livedMsMin: number;
  /** Whether a document is about a conversation of whotalks itself. */
  readonly isOwn: (document: ConnectionDocument) => boolean;
}

export interface Verdict {
  /** Connections of the ledger that were judged. */
  readonly judged: number;
  /** Ends that are not in the answers and in no gap; and connections that are told as over and are open. */
  readonly lostUndeclared: number;
  /** Ends that are not in the answers and lie in a gap. */
  readonly lostDeclared: number;
  /** Told and not there: opened by nobody, told twice, or told as open and over. */
  readonly phantoms: number;
  /** Ends with another process than the one that had it, and connections that are turned round. */
  readonly wrongOwner: number;
  /** One line for each, without those that are declared. */
  readonly mistakes: readonly string[];
}

/** An answer may be so much behind: a scan a second, and a message a second. */
export const behindMs = 2_000;

/** By how much the clocks of agents and aggregator are measured wrong at most, on one machine. */
const clockSlackMs = 250;

export function judgeAnswer(question: Question): Verdict {
  const { ledger, answer, isOwn } = question;
  const { told, phantoms } = pairWithLedger(ledger, answer, isOwn);
  const tally = { lostUndeclared: 0, lostDeclared: 0, phantoms: phantoms.length, wrongOwner: 0 };
  const mistakes = phantoms.map((document) => `phantom: ${formatDocument(document)}`);
  let judged = 0;
  for (const connection of ledger.connections()) {
    if (!isJudged(connection, question)) continue;
    judged++;
    for (const [kind, what] of faultsIn(connection, told.get(connection) ?? [], question)) {
      tally[kind]++;
      if (kind !== 'lostDeclared') mistakes.push(`${kind}: ${formatConnection(connection)}: ${what}`);
    }
  }
  return { judged, ...tally, mistakes };
}

/** Nothing is wrong. */
export function isClean({ lostUndeclared, phantoms, wrongOwner }: Verdict): boolean {
  return lostUndeclared + phantoms + wrongOwner === 0;
}

type Mistake = readonly ['lostUndeclared' | 'lostDeclared' | 'phantoms' | 'wrongOwner', string];

function isJudged(connection: LedgerConnection, { askedAtMs, livedMsMin }: Question): boolean {
  const opened = openedAtMs(connection);
  const closed = closedAtMs(connection);
  return opened < askedAtMs - behindMs && (closed === null || closed - opened >= livedMsMin);
}

function faultsIn(
  connection: LedgerConnection,
  documents: readonly ConnectionDocument[],
  question: Question,
): Mistake[] {
  const [document] = documents;
  const mistakes: Mistake[] = [];
  if (documents.length > 1) {
    const each = documents.map(({ seen, state, openedAt, closedAt }) =>
      [seen, state, openedAt.slice(14, 23), 'to', closedAt?.slice(14, 23) ?? 'now'].join(' '),
    );
    const lived = livedText(connection.ends.client ?? connection.ends.server!);
    mistakes.push(['phantoms', `told ${documents.length} times: ${each.join('; ')}${lived}`]);
  }
  if (document !== undefined) {
    const closed = closedAtMs(connection);
    const isTurned = formatEndpoint(document.client) !== formatEndpoint(connection.client);
    if (isTurned) mistakes.push(['wrongOwner', 'its client is told as the server']);
    if (closed === null && isOver(document)) mistakes.push(['lostUndeclared', `told as ${document.state}`]);
    const isLongOver = closed !== null && closed < question.askedAtMs - behindMs;
    if (isLongOver && !isOver(document)) mistakes.push(['phantoms', `over, and told as ${document.state}`]);
  }
  for (const side of ['client', 'server'] as const) {
    const mistake = endMistake(connection, side, documents, question.gaps);
    if (mistake !== null) mistakes.push(mistake);
  }
  return mistakes;
}

/** What the kernel remembers for a minute after the end counts as over. */
function isOver({ closedAt, state }: ConnectionDocument): boolean {
  return closedAt !== null || state === 'time-wait';
}

/** The better one of what several documents tell of an end counts; that there are several is a mistake of its own. */
function endMistake(
  connection: LedgerConnection,
  side: Side,
  documents: readonly ConnectionDocument[],
  gaps: readonly GapDocument[],
): Mistake | null {
  const truth = connection.ends[side];
  // Nobody accepted it before it was over.
  if (truth === null) return null;
  const ends = documents.map((document) => endAt(document, connection, side));
  if (ends.some(({ host, pid }) => host === truth.host && pid === truth.pid)) return null;
  const wrong = ends.find(({ host, pid }) => pid !== null || (host !== null && host !== truth.host));
  if (wrong !== undefined) {
    return [
      'wrongOwner',
      `${side} is ${formatEnd(wrong)}, and was ${truth.host}/${truth.process}[${truth.pid}]`,
    ];
  }
  const isDeclared = truth.closedAtMs !== null && gaps.some((gap) => covers(gap, truth));
  const what = ends.some(({ host }) => host !== null) ? 'has no process' : 'is unseen';
  return [isDeclared ? 'lostDeclared' : 'lostUndeclared', `${side} ${what}${livedText(truth)}`];
}

function endAt(document: ConnectionDocument, { client }: LedgerConnection, side: Side): EndDocument {
  const isTurned = formatEndpoint(document.client) !== formatEndpoint(client);
  return isTurned ? document[side === 'client' ? 'server' : 'client'] : document[side];
}

function covers(gap: GapDocument, end: LedgerEnd): boolean {
  const [from, to] = [Date.parse(gap.from) - clockSlackMs, Date.parse(gap.to) + clockSlackMs];
  return gap.host === end.host && end.closedAtMs! >= from && end.closedAtMs! <= to;
}

/** In seconds of the hour, which is enough to find it in a log. */
function livedText({ openedAtMs: from, closedAtMs: to }: LedgerEnd): string {
  const at = (ms: number): string => new Date(ms).toISOString().slice(14, 23);
  return `, ${at(from)} to ${to === null ? 'now' : at(to)}`;
}

function formatConnection({ client, server }: LedgerConnection): string {
  return `${formatEndpoint(client)} -> ${formatEndpoint(server)}`;
}

function formatEnd({ host, process, pid }: EndDocument): string {
  return `${host ?? '?'}/${process ?? '?'}[${pid ?? '?'}]`;
}

function formatDocument(document: ConnectionDocument): string {
  const { client, server, seen, state, openedAt, closedAt } = document;
  const side = (end: EndDocument): string => `${formatEnd(end)} ${formatEndpoint(end)}`;
  return `${side(client)} -> ${side(server)} seen=${seen} ${state} ${openedAt} to ${closedAt ?? 'now'}`;
}
