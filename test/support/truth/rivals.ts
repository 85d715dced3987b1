/**
 * Whether what the hosts told determines the answer: an end has a rival where the end of another conversation stands at
 * the same tuple, and came into being about the same time as far as both agents can bound it.
 */
import { clockSlackMs } from '../../../aggregator/correlate/generations.ts';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import type { HostPlan } from './fleet-plan.ts';
import type { Told } from './told.ts';
import { type EndName, endNames, type History, type Truth } from './true-history.ts';
import { gatewayKinds } from './ways.ts';

export class Rivals {
  readonly #told: Told;
  readonly #hosts: readonly HostPlan[];
  readonly #byTuple = new Map<string, Truth[]>();
  readonly #byGateway = new Map<string, Truth[]>();

  constructor({ plan, truths }: History, told: Told) {
    this.#hosts = plan.hosts;
    this.#told = told;
    for (const truth of truths) {
      for (const tuple of new Set(tuplesOf(truth))) push(this.#byTuple, tuple, truth);
      for (const endpoint of new Set(meetingEndpointsOf(truth))) push(this.#byGateway, endpoint, truth);
    }
  }

  /** The conversations that could be confused with this one. */
  of(truth: Truth): readonly Truth[] {
    const near = tuplesOf(truth).flatMap((tuple) => this.#byTuple.get(tuple) ?? []);
    return [...new Set(near)].filter((other) => other !== truth && this.#isConfusable(truth, other));
  }

  /** Those that a gateway lets stand at the same endpoint, so that nothing but time tells them apart. */
  behindGatewayOf(truth: Truth): readonly Truth[] {
    const near = meetingEndpointsOf(truth).flatMap((endpoint) => this.#byGateway.get(endpoint) ?? []);
    return [...new Set(near)].filter(
      (other) => other !== truth && this.#isLoose(other) && this.#isConfusable(truth, other),
    );
  }

  /** Its ends do not lead to each other, at times at least. */
  #isLoose(truth: Truth): boolean {
    const isWatched = [truth.client, truth.server].every(
      (end) => end !== null && this.#hosts[end.host]!.fault.kind === 'none',
    );
    return gatewayKinds.includes(truth.kind) || !isWatched || !this.#told.isFullyTold(truth);
  }

  #isConfusable(one: Truth, other: Truth): boolean {
    return endNames.some((name) => {
      const [own, twin] = [one, other].map((truth) => this.#told.socketsOf(truth, name));
      const [peer, far] = [one, other].map((truth) => this.#told.socketsOf(truth, otherName(name)));
      return mayBeOneBirth(own!, far!) || mayBeOneBirth(twin!, peer!) || mayBeOneBirth(own!, twin!);
    });
  }
}

function mayBeOneBirth(some: ReadonlySet<ReportedSocket>, others: ReadonlySet<ReportedSocket>): boolean {
  for (const one of some) {
    for (const other of others) {
      const bornAfter = Math.max(one.notBeforeMs, other.notBeforeMs);
      if (bornAfter <= Math.min(one.openedAtMs, other.openedAtMs) + clockSlackMs) return true;
    }
  }
  return false;
}

function otherName(name: EndName): EndName {
  return name === 'client' ? 'server' : 'client';
}

/** Every tuple under which an end of it is known to its own host or on the wire, whichever way round. */
function tuplesOf({ client, server, flow, protocol, realm }: Truth): string[] {
  const wire = [client, server].flatMap((end) =>
    end === null ? [] : [end.stages.at(-1) ?? `${end.local}>${end.remote}`],
  );
  const passed = flow === null ? [] : [flow.dialed, flow.forwarded];
  const own = [client, server].flatMap((end) =>
    end === null
      ? []
      : [`${end.local}>${end.remote}`, ...end.stages].map((tuple) => `h${end.host} ${eitherWay(tuple)}`),
  );
  return [...own, ...[...wire, ...passed].map((tuple) => `r${realm} ${eitherWay(tuple)}`)].map(
    (name) => `${protocol} ${name}`,
  );
}

function eitherWay(tuple: string): string {
  return tuple.split('>').sort().join(' ');
}

/** The endpoints at which an end looks at somebody who does not look back, so that a gateway may be in between. */
function meetingEndpointsOf({ client, server, realm, protocol }: Truth): string[] {
  if (protocol === 'udp') return [];
  const [dialed, own] = (client?.stages.at(-1) ?? `${client?.local}>${client?.remote}`).split('>').reverse();
  const served = server === null ? [] : [server.local, server.remote];
  const ends = client === null ? served : [dialed!, own!, ...served];
  return ends.map((endpoint) => `r${realm} ${endpoint}`);
}

function push<Key, Value>(index: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, [value]);
  else values.push(value);
}
