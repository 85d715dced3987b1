/**
 * What the agents of a simulated fleet tell, tick by tick. Agents stand in cells of 50; each agent is the client of 1,000
 * connections to ten others of its cell, and the server of as many. In every tick 20 of each agent's connections end and
 * begin anew with another port, each in turn, so that 2 % of its 2,000 sockets are replaced; 400 sockets are counted.
 *
 *     slot    0-999      client ends, 1000-1999 server ends; + 2000 in every other life of the connection
 *             4000       the listener
 */
import { noContainer } from '../../../model/container.ts';
import { defaultEphemeralPorts, type Netns } from '../../../model/netns.ts';
import type { Process } from '../../../model/process.ts';
import {
  type AgentBatch,
  agentBatch,
  type Hello,
  type ProcessDefinition,
} from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { ipv4FromNumber, packMeta, packPorts } from '../../../wire/packing.ts';
import { messageFlags, neverLooked, protocolVersion } from '../../../wire/protocol.ts';

export const cellAgents = 50;
export const socketsPerAgent = 2000;
const connections = socketsPerAgent / 2;
const callees = 10;
const replacedPerTick = 20;
/** Ticks after which every connection has been replaced. */
const cycleTicks = connections / replacedPerTick;
const countedPerTick = 400;

/** Events of one message after the snapshot: each replaced connection has two ends here on average. */
export const eventsPerTick = 4 * replacedPerTick + countedPerTick;

/** An agent reads its events so often. */
const eventsReadMs = 100;

const clientProcesses = 4;
const serverProcess = clientProcesses + 1;
const listenerSlot = 2 * socketsPerAgent;
const listen = packMeta({ protocol: 'tcp', state: 'listen', v6: false, byConntrack: false });
const established = packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false });

/** A socket as it is in some tick. */
interface Socket {
  readonly slot: number;
  readonly local: number;
  readonly remote: number;
  readonly ports: number;
  readonly process: number;
  /** The agent's number for it. */
  readonly id: number;
}

/** As the columns of the wire have it. */
interface Birth {
  readonly ageMs: number;
  readonly unseenMs: number;
}

export class SimulatedAgent {
  readonly #agent: number;
  #seq = 0;
  #tick = 0;

  /** @param agent 0 and up, among all of the fleet */
  constructor(agent: number) {
    this.#agent = agent;
  }

  get hostId(): string {
    return helloOf(this.#agent).hostId;
  }

  hello(nowMs: number): Buffer {
    return encodeAgentMessage(agentBatch({ baseUnixMs: nowMs, hello: helloOf(this.#agent) }));
  }

  /** Everything that is there, cut as an agent cuts it. */
  snapshot(nowMs: number): Buffer[] {
    const sockets = [this.#listener(), ...Array.from({ length: socketsPerAgent }, (_, i) => this.#socket(i))];
    const perMessage = 1000;
    const messages: Buffer[] = [];
    for (let from = 0; from < sockets.length; from += perMessage) {
      const isFirst = from === 0;
      const isLast = from + perMessage >= sockets.length;
      const born = { ageMs: 60_000, unseenMs: neverLooked };
      const message = agentBatch({
        seq: ++this.#seq,
        baseUnixMs: nowMs,
        flags: (isFirst ? messageFlags.snapshotBegin : 0) | (isLast ? messageFlags.snapshotEnd : 0),
        ...(isFirst ? { netns: [{ id: 1, netns: netnsOf(this.#agent) }] } : {}),
        ...(isFirst ? { processes: processesOf(this.#agent) } : {}),
        opens: this.#openColumns(sockets.slice(from, from + perMessage), born),
      });
      messages.push(encodeAgentMessage(message));
    }
    return messages;
  }

  /** What is new after another second. @param bornMs when the sockets that are new came into being, as an event told */
  next(nowMs: number, bornMs: number): Buffer {
    const first = (this.#tick % cycleTicks) * replacedPerTick;
    const replaced = Array.from({ length: 2 * replacedPerTick }, (_, i) =>
      i < replacedPerTick ? first + i : connections + first + i - replacedPerTick,
    );
    const closed = replaced.map((i) => this.#socket(i).slot);
    this.#tick++;
    const firstCounted = (this.#tick * countedPerTick) % socketsPerAgent;
    const counted = Array.from({ length: countedPerTick }, (_, i) =>
      this.#socket((firstCounted + i) % socketsPerAgent),
    );
    const born = { ageMs: nowMs - bornMs, unseenMs: eventsReadMs };
    return encodeAgentMessage(
      agentBatch({
        seq: ++this.#seq,
        baseUnixMs: nowMs,
        opens: this.#openColumns(
          replaced.map((i) => this.#socket(i)),
          born,
        ),
        closes: {
          slot: Uint32Array.from(closed),
          ageMs: new Uint32Array(closed.length).fill(nowMs - bornMs),
        },
        grown: this.#grownColumns(counted),
      }),
    );
  }

  heartbeat(nowMs: number): Buffer {
    return encodeAgentMessage(
      agentBatch({
        heartbeat: {
          unixMs: nowMs,
          monotonicMs: nowMs,
          roundTripMs: 1,
          openSockets: socketsPerAgent,
          lostEvents: 0,
          malformedRows: 0,
          scanMs: 5,
          cannotSee: [],
          collector: 'ebpf',
          intervalMs: 1000,
        },
      }),
    );
  }

  /** Of the last message with rows. */
  get seq(): number {
    return this.#seq;
  }

  /** @param i below socketsPerAgent */
  #socket(i: number): Socket {
    const connection = i % connections;
    const life = this.#lifeOf(connection);
    const isClient = i < connections;
    const [client, server] = isClient
      ? [this.#agent, neighbour(this.#agent, connection, 1)]
      : [neighbour(this.#agent, connection, -1), this.#agent];
    const clientPort = 32768 + ((connection + life * connections) % 28_000);
    const [clientAddress, serverAddress] = [addressOf(client), addressOf(server)];
    const id = i + socketsPerAgent * life + 1;
    return {
      slot: i + socketsPerAgent * (life % 2),
      local: isClient ? clientAddress : serverAddress,
      remote: isClient ? serverAddress : clientAddress,
      ports: isClient ? packPorts(clientPort, portOf(server)) : packPorts(portOf(server), clientPort),
      process: isClient ? (connection % clientProcesses) + 1 : serverProcess,
      id,
    };
  }

  /** How often a connection was replaced. */
  #lifeOf(connection: number): number {
    const turn = Math.floor(connection / replacedPerTick);
    return this.#tick <= turn ? 0 : Math.floor((this.#tick - turn - 1) / cycleTicks) + 1;
  }

  #listener(): Socket {
    const ports = packPorts(portOf(this.#agent), 0);
    return { slot: listenerSlot, local: 0, remote: 0, ports, process: serverProcess, id: 2 ** 40 };
  }

  #openColumns(sockets: readonly Socket[], { ageMs, unseenMs }: Birth): AgentBatch['opens'] {
    const column = (of: (socket: Socket) => number): Uint32Array =>
      fill(new Uint32Array(sockets.length), sockets, of);
    return {
      slot: column(({ slot }) => slot),
      localAddress: column(({ local }) => local),
      remoteAddress: column(({ remote }) => remote),
      ports: column(({ ports }) => ports),
      meta: column(({ slot }) => (slot === listenerSlot ? listen : established)),
      netns: column(() => 1),
      inode: column(({ id }) => 100_000 + (id % 2 ** 31)),
      uid: column(() => 1000),
      process: column(({ process }) => process),
      fd: column(({ slot }) => 7 + (slot % 1000)),
      ageMs: column(() => ageMs),
      unseenMs: column(() => unseenMs),
      id: fill(new Float64Array(sockets.length), sockets, ({ id }) => id),
    };
  }

  /** Every round trip is another one than before: none is told twice. */
  #grownColumns(sockets: readonly Socket[]): AgentBatch['grown'] {
    const column = (of: (socket: Socket) => number): Uint32Array =>
      fill(new Uint32Array(sockets.length), sockets, of);
    return {
      slot: column(({ slot }) => slot),
      sent: column(({ id }) => 5000 + (id % 1000)),
      received: column(({ id }) => 25_000 + (id % 10_000)),
      rttUs: column(({ id }) => 150 + ((id + this.#tick) % 400)),
    };
  }
}

function fill<Column extends Uint32Array | Float64Array>(
  column: Column,
  sockets: readonly Socket[],
  of: (socket: Socket) => number,
): Column {
  for (let i = 0; i < sockets.length; i++) column[i] = of(sockets[i]!);
  return column;
}

/** The agent of the same cell that is called over a connection, or with -1 the one that calls. */
function neighbour(agent: number, connection: number, way: 1 | -1): number {
  const place = agent % cellAgents;
  const other = (place + way * (1 + 4 * (connection % callees)) + cellAgents) % cellAgents;
  return agent - place + other;
}

function addressOf(agent: number): number {
  return 0x0a010000 + agent + 1;
}

function portOf(agent: number): number {
  return 8000 + (agent % 8);
}

function helloOf(agent: number): Hello {
  return {
    protocol: protocolVersion,
    agentVersion: '0.0.0',
    hostId: `bench-${agent}`,
    hostName: `bench-${agent}`,
    realm: 'default',
    labels: new Map(),
    bootId: 'bench',
    epoch: 1,
    session: 1,
    collector: 'ebpf',
    cannotSee: [],
    intervalMs: 1000,
    kernel: '6.1.0',
    events: 'ebpf',
    watchedUnixMs: 0,
  };
}

function netnsOf(agent: number): Netns {
  return {
    inode: 4_026_531_840,
    isHost: true,
    addresses: [{ ip: ipv4FromNumber(addressOf(agent)), prefixLength: 16, device: 'eth0' }],
    localNetworks: [],
    ephemeralPorts: defaultEphemeralPorts,
  };
}

/** Instances of one service stand on eight agents. */
function processesOf(agent: number): ProcessDefinition[] {
  const service = `service-${Math.floor(agent / 8)}`;
  return Array.from({ length: serverProcess }, (_, i) => ({ id: i + 1, process: processOf(service, i) }));
}

function processOf(service: string, number: number): Process {
  return {
    ...noContainer,
    pid: 1000 + number,
    startTicks: 5000 + number,
    comm: service,
    exe: `/usr/local/bin/${service}`,
    cmdline: `/usr/local/bin/${service} --worker ${number}`,
    program: service,
    uid: 1000,
    user: 'shop',
    unit: `${service}.service`,
  };
}
