/**
 * The answer held against the truth. Precision: no conversation has an end of another one. Recall: whoever has both its
 * ends told has both its ends shown. Where what was told does not determine the answer, neither is asked for, and a join
 * all the same is a guess.
 */
import { clockSlackMs } from '../../../aggregator/correlate/generations.ts';
import type { ConnectionDocument, EndDocument } from '../../../model/document.ts';
import { Rivals } from './rivals.ts';
import { scanIntervalMs } from './simulated-agent.ts';
import type { SimulatedFleet } from './simulated-fleet.ts';
import { type EndName, endNames, endOfPid, type History, type Truth } from './true-history.ts';
import { gatewayKinds } from './ways.ts';

/** Conversations by what became of them, with a line for each that is wrong. */
export interface Score {
  /** Both ends, of one conversation. */
  right: Truth[];
  /** Ends of two conversations that what was told tells apart. */
  wrong: string[];
  /** Both ends told, nothing to confuse them with, and not joined. */
  missed: string[];
  /** An end that must have been seen, and is in no connection. */
  unseen: string[];
  /** An end that is in two connections. */
  doubled: string[];
  /** Joined right, and the client stands as server. */
  turned: string[];
  /** Conversations that have a rival of the same tuple, born about the same time. */
  reusedNear: number;
  /** Not determined by what was told, or not asked for, by what the answer says of it. */
  undetermined: { ambiguous: Truth[]; alone: Truth[]; joinedRight: Truth[]; joinedWrong: string[] };
  /** One end is nobody's who has an agent. */
  oneSided: Truth[];
}

/**
 * A shorter conversation behind a gateway need not be shown by a look of each agent while it is sure to be there: two
 * scans, and the slack of two clocks.
 */
const inferableMs = 2 * scanIntervalMs + 2 * clockSlackMs;

interface ShownEnd {
  readonly truth: Truth;
  readonly name: EndName;
}

type Shown = Map<Truth, Partial<Record<EndName, ConnectionDocument[]>>>;

export function scoreOf(fleet: SimulatedFleet, documents = fleet.documents()): Score {
  const { history, told } = fleet;
  const rivals = new Rivals(history, told);
  const score: Score = {
    right: [],
    wrong: [],
    missed: [],
    unseen: [],
    doubled: [],
    turned: [],
    reusedNear: 0,
    undetermined: { ambiguous: [], alone: [], joinedRight: [], joinedWrong: [] },
    oneSided: [],
  };
  const shown: Shown = new Map();
  for (const document of documents) judgeJoin(document, history, rivals, score, shown);
  for (const truth of history.truths) judgeTruth(truth, fleet, rivals, score, shown.get(truth) ?? {});
  return score;
}

/** How many of those that are joined are joined right, and how many of those that must be are. */
export function ratiosOf({ right, wrong, missed, unseen }: Score): { precision: number; recall: number } {
  const ratio = (part: number, rest: number): number => (part + rest === 0 ? 1 : part / (part + rest));
  return {
    precision: ratio(right.length, wrong.length),
    recall: ratio(right.length, missed.length + unseen.length),
  };
}

function judgeJoin(
  document: ConnectionDocument,
  history: History,
  rivals: Rivals,
  score: Score,
  shown: Shown,
): void {
  const [client, server] = [endOf(document.client, history), endOf(document.server, history)];
  for (const end of [client, server]) if (end !== null) noteShown(shown, end, document);
  if (client === null || server === null) return;
  if (client.truth === server.truth) {
    const isTurned = client.name === 'server' && server.name === 'client';
    if (isTurned) score.turned.push(`${lineOf(client.truth)} by ${document.direction}`);
    return;
  }
  const line = `${lineOf(client.truth)} ${client.name} with ${lineOf(server.truth)} ${server.name}`;
  const behind = [...rivals.of(client.truth), ...rivals.behindGatewayOf(client.truth)];
  if (behind.includes(server.truth)) score.undetermined.joinedWrong.push(line);
  else score.wrong.push(line);
}

function noteShown(shown: Shown, { truth, name }: ShownEnd, document: ConnectionDocument): void {
  const ends = shown.get(truth) ?? {};
  shown.set(truth, ends);
  const documents = ends[name] ?? [];
  ends[name] = documents;
  if (!documents.includes(document)) documents.push(document);
}

function judgeTruth(
  truth: Truth,
  fleet: SimulatedFleet,
  rivals: Rivals,
  score: Score,
  ends: Partial<Record<EndName, ConnectionDocument[]>>,
): void {
  for (const name of endNames) {
    if (truth[name] === null) continue;
    const documents = ends[name] ?? [];
    if (documents.length > 1) score.doubled.push(`${lineOf(truth)} ${name}`);
    if (documents.length === 0 && mustBeSeen(truth, name, fleet))
      score.unseen.push(`${lineOf(truth)} ${name}`);
  }
  if (truth.kind === 'self') {
    const [document] = ends.client ?? [];
    if (document?.seen === 'both') score.right.push(truth);
    else if (document !== undefined) score.missed.push(lineOf(truth));
    return;
  }
  if (truth.client === null || truth.server === null) {
    score.oneSided.push(truth);
    return;
  }
  const [client, server] = [ends.client?.[0], ends.server?.[0]];
  if (client === undefined || server === undefined) return;
  const isJoined = client === server;
  const isGateway = gatewayKinds.includes(truth.kind);
  const confusable = [...rivals.of(truth), ...(isGateway ? rivals.behindGatewayOf(truth) : [])];
  if (rivals.of(truth).some(({ kind }) => kind === truth.kind)) score.reusedNear++;
  const isTold = fleet.told.isFullyTold(truth) && (!isGateway || mayBeInferred(truth, fleet));
  const isDetermined = confusable.length === 0 && isTold;
  if (!isDetermined) {
    const { ambiguous, alone, joinedRight } = score.undetermined;
    const isSaid = [client, server].some(({ unseenBecause }) => unseenBecause === 'ambiguous');
    (isJoined ? joinedRight : isSaid ? ambiguous : alone).push(truth);
  } else if (isJoined) score.right.push(truth);
  else score.missed.push(lineOf(truth));
}

/** Both agents were sure to look while it was there, and nothing that they told was folded or forgotten. */
function mayBeInferred({ client, server, bornMs, diedMs }: Truth, { agents }: SimulatedFleet): boolean {
  const isUndisturbed = [client, server].every((end) => agents[end!.host]!.plan.fault.kind === 'none');
  return diedMs - bornMs >= inferableMs && isUndisturbed;
}

/** By the process: each end has one of its own. */
function endOf({ pid }: EndDocument, history: History): ShownEnd | null {
  return pid === null ? null : endOfPid(history, pid);
}

/** It was there with its owner for some scans of an agent to which nothing happened. */
function mustBeSeen(
  { bornMs, diedMs, queuedMs, ...truth }: Truth,
  name: EndName,
  { agents }: SimulatedFleet,
): boolean {
  const shownForMs = diedMs - bornMs - (name === 'server' ? queuedMs : 0);
  return agents[truth[name]!.host]!.plan.fault.kind === 'none' && shownForMs >= 2_000;
}

/** A conversation in one line, for a person who looks why it is wrong. */
export function lineOf({ number, kind, protocol, bornMs, diedMs }: Truth): string {
  return `#${number} ${kind} ${protocol} ${bornMs}-${diedMs}`;
}
