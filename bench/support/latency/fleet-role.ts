/**
 * Fifty agents in a process of their own. Each tells once a second what opened and what closed, in columns as real agents do,
 * at a time of its own within the second. Each connection is of two agents that are neighbours, so its second end comes some
 * 20 ms after the first, and it is closed two ticks later.
 */
import * as grpc from '@grpc/grpc-js';
import { noContainer } from '../../../model/container.ts';
import { defaultEphemeralPorts } from '../../../model/netns.ts';
import { type AgentBatch, agentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { ingestService } from '../../../wire/ingest-service.ts';
import { ipv4FromNumber, packMeta, packPorts } from '../../../wire/packing.ts';
import { messageFlags, protocolVersion } from '../../../wire/protocol.ts';
import { stampUs } from './stamp.ts';

/** The word that makes the bench's program run as one. */
export const latencyFleetRole = 'latency-fleet';

export const agents = 50;
const tickMs = 1000;
/** Opens of one message, beside as many closes: what real agents put into 64 KiB. */
const opensPerMessage = 500;
/** Ticks for which a connection is open. */
const lifeTicks = 2;
const serverPort = 8743;
const firstAddress = 0x0a000001;
const netnsInode = 4026531840;
const established = packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false });

/** Since the last question. */
export interface Punctuality {
  /** How much later than due a tick was begun: for so long this process, or the machine, kept it waiting. */
  readonly lateP99Ms: number;
}

/**
 * Begins to tell so many events a second, says 'ready', and goes on until its parent is gone. Answers every message of it
 * with its Punctuality.
 */
export async function runLatencyFleet(address: string, eventsPerSecond: string): Promise<void> {
  const opens = Number(eventsPerSecond) / agents / 2;
  const fleet = Array.from({ length: agents }, (_, number) => new SimulatedAgent(address, number, opens));
  for (const agent of fleet) await agent.begin();
  const lateMs: number[] = [];
  process.on('message', () => {
    const sorted = Float64Array.from(lateMs.splice(0)).sort();
    const answer: Punctuality = { lateP99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0 };
    process.send!(answer);
  });
  const startMs = performance.now();
  for (const [number, agent] of fleet.entries()) {
    const phaseMs = startMs + (number * tickMs) / agents;
    const tick = (n: number): void => {
      lateMs.push(performance.now() - phaseMs - n * tickMs);
      agent.tick(n);
      setTimeout(() => tick(n + 1), Math.max(0, phaseMs + (n + 1) * tickMs - performance.now()));
    };
    setTimeout(() => tick(0), phaseMs - performance.now());
  }
  process.on('disconnect', () => process.exit());
  process.send!('ready');
}

class SimulatedAgent {
  readonly #number: number;
  readonly #opens: number;
  readonly #call: grpc.ClientDuplexStream<Buffer, object>;
  #seq = 0;

  constructor(address: string, number: number, opens: number) {
    this.#number = number;
    this.#opens = opens;
    const ownConnection = { 'grpc.use_local_subchannel_pool': 1 };
    const client = new grpc.Client(address, grpc.credentials.createInsecure(), ownConnection);
    const { path, requestSerialize, responseDeserialize } = ingestService().Stream;
    this.#call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  /** Resolves when the aggregator has its empty snapshot. */
  async begin(): Promise<void> {
    const answered = (): Promise<unknown> =>
      new Promise((resolve, reject) => this.#call.once('data', resolve).once('error', reject));
    const welcome = answered();
    this.#write({ hello: helloOf(this.#number) });
    await welcome;
    const acknowledged = answered();
    const ip = ipv4FromNumber(addressOf(this.#number));
    const ephemeralPorts = defaultEphemeralPorts;
    const addresses = [{ ip, prefixLength: 8, device: 'eth0' }];
    const netns = { inode: netnsInode, isHost: true, addresses, localNetworks: [], ephemeralPorts };
    const flags = messageFlags.snapshotBegin | messageFlags.snapshotEnd;
    const processes = [{ id: 1, process: processOf(this.#number) }];
    this.#write({ seq: ++this.#seq, flags, netns: [{ id: 1, netns }], processes });
    await acknowledged;
    this.#call.on('data', () => undefined);
  }

  /** The opens and closes of one tick. */
  tick(n: number): void {
    for (let from = 0; from < this.#opens; from += opensPerMessage) {
      const count = Math.min(opensPerMessage, this.#opens - from);
      const rows = Array.from({ length: count }, (_, i) => from + i);
      const closes = n < lifeTicks ? [] : rows.map((row) => this.#slotOf(n - lifeTicks, row));
      const opens = this.#opensOf(n, rows);
      this.#write({ seq: ++this.#seq, opens, closes: { slot: closes, ageMs: closes.map(() => 0) } });
    }
  }

  #write(parts: Partial<AgentBatch>): void {
    this.#call.write(encodeAgentMessage(agentBatch({ ...parts, baseUnixMs: Date.now() })));
  }

  /** No slot is used again before its close is told. */
  #slotOf(n: number, row: number): number {
    return (n % (lifeTicks + 1)) * this.#opens + row;
  }

  /** Of the first half of its rows it is the client of the agent behind it, of the others the server of the one before. */
  #opensOf(n: number, rows: readonly number[]): AgentBatch['opens'] {
    const half = this.#opens / 2;
    const stamp = stampUs();
    const all = (value: number): number[] => rows.map(() => value);
    const isClient = (row: number): boolean => row < half;
    const neighbour = (row: number): number => (this.#number + (isClient(row) ? 1 : agents - 1)) % agents;
    return {
      slot: rows.map((row) => this.#slotOf(n, row)),
      localAddress: all(addressOf(this.#number)),
      remoteAddress: rows.map((row) => addressOf(neighbour(row))),
      ports: rows.map((row) => {
        const clientPort = 1024 + ((n * half + (row % half)) % 60_000);
        return isClient(row) ? packPorts(clientPort, serverPort) : packPorts(serverPort, clientPort);
      }),
      meta: all(established),
      netns: all(1),
      inode: all(stamp),
      uid: all(1000),
      process: all(1),
      fd: all(7),
      ageMs: all(0),
      unseenMs: all(tickMs),
      id: rows.map((row) => n * this.#opens + row + 1),
    };
  }
}

function addressOf(number: number): number {
  return firstAddress + number;
}

function helloOf(number: number): AgentBatch['hello'] {
  return {
    protocol: protocolVersion,
    agentVersion: '0',
    hostId: `bench-${number}`,
    hostName: `node-${number}`,
    realm: 'default',
    labels: new Map(),
    bootId: '',
    epoch: 1,
    session: 1,
    collector: 'bench',
    events: '',
    cannotSee: [],
    intervalMs: tickMs,
    kernel: '',
    watchedUnixMs: 0,
  };
}

function processOf(number: number): AgentBatch['processes'][number]['process'] {
  return {
    pid: 100,
    startTicks: 1,
    comm: `service-${number}`,
    exe: `/usr/bin/service-${number}`,
    cmdline: `service-${number}`,
    program: `service-${number}`,
    uid: 1000,
    user: 'svc',
    ...noContainer,
    unit: null,
  };
}
