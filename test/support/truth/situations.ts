/** Which kinds of situation a fleet showed, so that a test can say that each of them was really there. */
import type { Score } from './score.ts';
import type { SimulatedFleet } from './simulated-fleet.ts';
import type { Truth } from './true-history.ts';
import { conversationKinds, gatewayKinds } from './ways.ts';

export type Situations = Map<string, number>;

/** Every situation that is counted, each once per fleet at most. */
export const situationNames = [
  ...conversationKinds.map((kind) => `conversation: ${kind}`),
  'gateway that leads to one',
  'gateway that leads to several',
  'tuple used again within clock uncertainty',
  'tuple used again later',
  'one tuple on two hosts: ambiguous',
  'equal container tuples on two hosts',
  'equal tuples in two realms',
  'IPv4-mapped server',
  'several owners',
  'udp',
  'clock wrong by more than the slack',
  'end told late',
  'agent restarted',
  'stream broken and back',
  'message lost: resync',
  'host lost and back',
] as const;

export function noteSituations(
  { history, told, counters }: SimulatedFleet,
  score: Score,
  into: Situations,
): void {
  const { plan, truths } = history;
  const joined = [...score.right, ...score.undetermined.joinedRight];
  const names = new Set([...joined, ...score.oneSided].map(({ kind }) => `conversation: ${kind}`));
  const note = (name: (typeof situationNames)[number], isThere: boolean): void => {
    if (isThere) names.add(name);
  };
  const isBehindGateway = ({ kind }: Truth): boolean => gatewayKinds.includes(kind);
  note('gateway that leads to one', joined.some(isBehindGateway));
  note('gateway that leads to several', score.undetermined.ambiguous.some(isBehindGateway));
  note('tuple used again within clock uncertainty', score.reusedNear > 0);
  note(
    'tuple used again later',
    hasEqual(score.right, ({ realm, ...truth }) => `${realm} ${tupleOf(truth)}`),
  );
  note(
    'one tuple on two hosts: ambiguous',
    score.undetermined.ambiguous.some(({ kind }) => kind === 'hosts'),
  );
  const onBridges = joined.filter(({ kind }) => kind === 'containers' || kind === 'hairpin');
  note(
    'equal container tuples on two hosts',
    hasEqual(onBridges, tupleOf, ({ client }) => client!.host),
  );
  note(
    'equal tuples in two realms',
    hasEqual(joined, tupleOf, ({ realm }) => realm),
  );
  note(
    'IPv4-mapped server',
    joined.some(({ kind, isMapped, server }) => isMapped && server !== null && kind !== 'hosts-v6'),
  );
  note(
    'several owners',
    joined.some(({ owners, server }) => owners > 1 && server !== null),
  );
  note(
    'udp',
    joined.some(({ protocol }) => protocol === 'udp'),
  );
  const isWrongClock = ({ client }: Truth): boolean =>
    Math.abs(plan.hosts[client?.host ?? 0]!.clockMs) > 2_000;
  note('clock wrong by more than the slack', joined.some(isWrongClock));
  note('end told late', told.lateEnds > 0);
  const hasFault = (kind: string): boolean =>
    truths.length > 0 && plan.hosts.some(({ fault }) => fault.kind === kind);
  note('agent restarted', hasFault('restart'));
  note('stream broken and back', hasFault('broken'));
  note('message lost: resync', counters.resyncs > 0);
  note('host lost and back', told.hostsLost > 0 && counters.snapshots > plan.hosts.length);
  for (const name of names) into.set(name, (into.get(name) ?? 0) + 1);
}

function tupleOf({ client, protocol }: Pick<Truth, 'client' | 'protocol'>): string {
  return client === null ? '' : `${protocol} ${client.local}>${client.remote}`;
}

/** Whether two of them are equal by name, and differ otherwise. */
function hasEqual(
  truths: readonly Truth[],
  nameOf: (truth: Truth) => string,
  differenceOf: (truth: Truth) => number = ({ number }) => number,
): boolean {
  const seen = new Map<string, number>();
  return truths.some((truth) => {
    if (truth.client === null) return false;
    const before = seen.get(nameOf(truth));
    seen.set(nameOf(truth), differenceOf(truth));
    return before !== undefined && before !== differenceOf(truth);
  });
}
