/**
 * The agents of a simulated fleet in a process of their own: each has a connection and a stream, as real ones have. Once a
 * second each tells its tick, spread over the second; in between they only say that they live.
 */
import { once } from 'node:events';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Connect,
  type Connection,
  connectPlaintext,
  connectThrough,
} from '../../../agent/export/connection.ts';
import { type Authority, readAuthority } from '../../../aggregator/security/authority.ts';
import { agentLifeMs } from '../../../aggregator/security/lives.ts';
import { heartbeatIntervalMs } from '../../../wire/protocol.ts';
import { tlsChannel } from '../../../wire/tls-client.ts';
import { encodePem } from '../../../wire/x509/pem.ts';
import { makeKeyPair, privateKeyPem } from '../../../wire/x509/signing.ts';
import { SimulatedAgent } from './simulated-agent.ts';

/** The word that makes the bench's program run as one. */
export const fleetSenderRole = 'fleet-sender';

export type FleetQuestion =
  /** So many more. The answer is how many of them are in step: all, or those of which it took no longer than that. */
  | {
      readonly kind: 'add';
      readonly address: string;
      readonly agents: number;
      readonly patienceSeconds: number;
      /** Of a CA that makes a certificate for each agent; absent = plaintext. */
      readonly caFolder?: string;
    }
  /** Ticks for so long. */
  | { readonly kind: 'run'; readonly seconds: number };

type AddQuestion = Extract<FleetQuestion, { kind: 'add' }>;

/** Of one run. */
export interface FleetSent {
  readonly messages: number;
  /** From when a tick was due to its acknowledgement. */
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  /** How much later than due a tick was sent: this process was the limit. */
  readonly lateP99Ms: number;
  /** Messages that the aggregator refused, and streams that it ended. */
  readonly refused: number;
}

/** A second of the fleet. */
const tickMs = 1000;
/** After its last tick a run waits for so long. */
const acknowledgePatienceMs = 20_000;
/** Agents whose ticks are due are looked for so often. */
const lookMs = 5;

export function runFleetSender(): void {
  const fleet = new SendingFleet();
  const answer = async (question: FleetQuestion): Promise<void> => {
    if (question.kind === 'add') {
      process.send!(await fleet.add(question));
    } else process.send!(await fleet.run(question.seconds));
  };
  process.on('message', (question: FleetQuestion) => void answer(question));
  process.on('disconnect', () => process.exit());
  setInterval(() => fleet.sayAlive(), heartbeatIntervalMs);
  process.send!('ready');
}

class SendingFleet {
  readonly #agents: SendingAgent[] = [];

  /** Ten at a time: a fleet that comes all at once is another question. */
  async add({ address, agents: count, patienceSeconds, caFolder }: AddQuestion): Promise<number> {
    const together = 10;
    const authority = caFolder === undefined ? null : readAuthority(caFolder);
    const deadline = AbortSignal.timeout(patienceSeconds * 1000);
    const outOfPatience = once(deadline, 'abort');
    for (let added = 0; added < count; added += together) {
      const first = this.#agents.length;
      const agents = await Promise.all(
        Array.from({ length: Math.min(together, count - added) }, async (_, i) => {
          const agent = new SimulatedAgent(first + i);
          const connect = authority === null ? connectPlaintext : await certified(authority, agent, address);
          return new SendingAgent(agent, address, connect);
        }),
      );
      this.#agents.push(...agents);
      await Promise.race([Promise.all(agents.map((agent) => agent.inStep)), outOfPatience]);
      if (deadline.aborted) return added;
    }
    return count;
  }

  sayAlive(): void {
    for (const agent of this.#agents) agent.sayAlive();
  }

  async run(seconds: number): Promise<FleetSent> {
    const histograms = { ack: createHistogram(), late: createHistogram() };
    const refusedBefore = this.#refused;
    let messages = 0;
    const begunMs = performance.now();
    const begunUnixMs = Date.now();
    for (const agent of this.#agents) agent.acknowledged = histograms.ack;
    const total = seconds * this.#agents.length;
    while (messages < total) {
      const due = ((performance.now() - begunMs) / tickMs) * this.#agents.length;
      for (; messages < Math.min(due, total); messages++) {
        const dueMs = begunMs + (messages / this.#agents.length) * tickMs;
        record(histograms.late, performance.now() - dueMs);
        const second = Math.floor(messages / this.#agents.length);
        this.#agents[messages % this.#agents.length]!.tick(dueMs, begunUnixMs + second * tickMs);
      }
      await sleep(lookMs);
    }
    await this.#allAcknowledged();
    return {
      messages,
      ackP50Ms: histograms.ack.percentile(50) / 1000,
      ackP99Ms: histograms.ack.percentile(99) / 1000,
      lateP99Ms: histograms.late.percentile(99) / 1000,
      refused: this.#refused - refusedBefore,
    };
  }

  /** Or given up: what is not acknowledged by then counts as that late. */
  async #allAcknowledged(): Promise<void> {
    const deadlineMs = performance.now() + acknowledgePatienceMs;
    const isWaiting = (): boolean => this.#agents.some((agent) => agent.isWaiting);
    while (this.#refused === 0 && isWaiting() && performance.now() < deadlineMs) await sleep(lookMs);
    for (const agent of this.#agents) agent.giveUp();
  }

  get #refused(): number {
    return this.#agents.reduce((sum, { refused }) => sum + refused, 0);
  }
}

/** Dials as an agent that has enrolled. */
async function certified(
  authority: Authority,
  { hostId }: SimulatedAgent,
  address: string,
): Promise<Connect> {
  const { publicKey, privateKey } = await makeKeyPair();
  const issued = authority.issueAgent(hostId, publicKey, agentLifeMs, Date.now());
  const chain = issued.chain.map((der) => encodePem('CERTIFICATE', der)).join('');
  const own = { chain, key: privateKeyPem(privateKey) };
  return connectThrough(tlsChannel(address, { ca: authority.pem, own }));
}

/** In microseconds, 1 at least. */
function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)));
}

class SendingAgent {
  readonly #agent: SimulatedAgent;
  readonly #connection: Connection;
  /** When what is not acknowledged was due, by seq. */
  readonly #due = new Map<number, number>();
  /** The aggregator has taken the snapshot. */
  readonly inStep: Promise<void>;
  #tellInStep: () => void = () => {};
  acknowledged: RecordableHistogram | null = null;
  refused = 0;

  constructor(agent: SimulatedAgent, address: string, connect: Connect) {
    this.#agent = agent;
    this.inStep = new Promise((resolve) => {
      this.#tellInStep = resolve;
    });
    this.#connection = connect(address, {
      connected: () => {},
      said: (saying) => {
        if (saying.kind === 'welcome')
          for (const bytes of agent.snapshot(Date.now())) this.#connection.write(bytes);
        else if (saying.kind === 'ack') this.#onAck(saying.appliedSeq);
        else if (saying.kind !== 'heartbeat') this.#onRefusal(`${saying.kind}: ${JSON.stringify(saying)}`);
      },
      drained: () => {},
      ended: (code, details) => this.#onRefusal(`ended with ${code}: ${details}`),
      failed: (why) => this.#onRefusal(why),
    });
    this.#connection.write(agent.hello(Date.now()));
  }

  get isWaiting(): boolean {
    return this.#due.size > 0;
  }

  /** @param bornUnixMs when this second's sockets came into being */
  tick(dueMs: number, bornUnixMs: number): void {
    const bytes = this.#agent.next(Date.now(), bornUnixMs);
    this.#due.set(this.#agent.seq, dueMs);
    this.#connection.write(bytes);
  }

  /** Waits no longer for what is not acknowledged. */
  giveUp(): void {
    for (const dueMs of this.#due.values())
      if (this.acknowledged !== null) record(this.acknowledged, performance.now() - dueMs);
    this.#due.clear();
  }

  sayAlive(): void {
    this.#connection.write(this.#agent.heartbeat(Date.now()));
  }

  #onAck(applied: number): void {
    if (applied >= this.#agent.seq) this.#tellInStep();
    for (const [seq, dueMs] of this.#due) {
      if (seq > applied) return;
      if (this.acknowledged !== null) record(this.acknowledged, performance.now() - dueMs);
      this.#due.delete(seq);
    }
  }

  #onRefusal(why: string): void {
    if (this.refused++ === 0) console.error(`fleet: ${why}`);
    this.#tellInStep();
  }
}
