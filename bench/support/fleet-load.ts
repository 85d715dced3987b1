/**
 * A fleet whose agents are messages in memory: every host serves one port and dials others, keeps its sockets, and replaces a
 * share of them each tick. What the aggregator makes of them is the real thing, from the bytes of a message on.
 */
import { pino } from 'pino';
import { defaultCorrelatorLimits } from '../../aggregator/correlate/correlator.ts';
import { Naming } from '../../aggregator/graph/naming.ts';
import { Hosts } from '../../aggregator/ingest/hosts.ts';
import { newIngestCounters } from '../../aggregator/ingest/ingest-counters.ts';
import { defaultIngestLimits } from '../../aggregator/ingest/limits.ts';
import { IngestSession } from '../../aggregator/ingest/session.ts';
import { SnapshotStarts } from '../../aggregator/ingest/snapshot-starts.ts';
import { LiveView } from '../../aggregator/live-view.ts';
import { noContainer } from '../../model/container.ts';
import { type AgentBatch, agentBatch } from '../../wire/agent-batch.ts';
import { AgentMessageDecoder, encodeAgentMessage } from '../../wire/agent-message.ts';
import { packMeta } from '../../wire/packing.ts';
import { messageFlags, protocolVersion } from '../../wire/protocol.ts';

const startMs = 1_700_000_000_000;
const servedPort = 8743;
const firstPort = 20_000;
/** Of one message. */
const rowsMax = 4_000;

/** A socket of a host; its other end is of another host. */
interface Half {
  readonly slot: number;
  readonly isClient: boolean;
  readonly peer: number;
  /** Of the client. */
  readonly port: number;
}

interface Agent {
  readonly session: IngestSession;
  readonly halves: (Half | null)[];
  seq: number;
  lastId: number;
  lastPort: number;
}

const listening = packMeta({ protocol: 'tcp', state: 'listen', v6: false, byConntrack: false });
const established = packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false });
export class FleetLoad {
  readonly view: LiveView;
  readonly #agents: Agent[] = [];
  readonly #perHost: number;
  readonly #peers: number;
  #nowMs = startMs;
  /** Messages of one tick, made ahead. */
  #messages: { readonly agent: Agent; readonly bytes: Buffer }[] = [];

  /**
   * @param perHost sockets of a host, half of which dialed
   * @param plainMax 0 = all are objects
   * @param peers whom a host dials: so many others at most
   */
  constructor(hostCount: number, perHost: number, plainMax: number, peers = hostCount - 1) {
    this.#perHost = perHost;
    this.#peers = Math.min(peers, hostCount - 1);
    const counters = newIngestCounters();
    this.view = new LiveView({
      naming: new Naming([], []),
      limits: { ...defaultCorrelatorLimits, plainMax, lingerMs: 60_000 },
      sinceMs: startMs,
      clock: () => this.#nowMs,
      hosts: () => hosts.all(),
      sieve: {
        onFailure: (error) => {
          throw error;
        },
      },
    });
    const log = pino({ level: 'silent' });
    const hosts = new Hosts(this.view.reports, defaultIngestLimits, log);
    const context = {
      hosts,
      reports: this.view.reports,
      limits: defaultIngestLimits,
      snapshotStarts: new SnapshotStarts(defaultIngestLimits),
      counters,
      decoder: new AgentMessageDecoder(),
      now: () => ({ unixMs: this.#nowMs, monotonicMs: this.#nowMs }),
      journal: null,
      serverId: 'bench',
      version: '0',
      log,
    };
    const peer = {
      say: (saying: { readonly kind: string }) => {
        if (saying.kind === 'nack' || saying.kind === 'resync') throw new Error(JSON.stringify(saying));
      },
      end: (code: string, reason: string) => {
        throw new Error(`${code}: ${reason}`);
      },
    };
    for (let host = 0; host < hostCount; host++) {
      const session = new IngestSession(peer, context);
      this.#agents.push({ session, halves: [null], seq: 0, lastId: 0, lastPort: firstPort });
    }
  }

  /** Makes the messages of all agents' first snapshots. */
  prepareSnapshots(): void {
    for (let host = 0; host < this.#agents.length; host++) {
      for (let i = 0; i < this.#perHost / 2; i++) this.#dial(host);
    }
    for (const [host, agent] of this.#agents.entries()) {
      const halves = agent.halves.filter((half) => half !== null);
      this.#push(agent, { hello: this.#hello(host) });
      for (let from = 0; from === 0 || from < halves.length; from += rowsMax) {
        const isFirst = from === 0;
        const isLast = from + rowsMax >= halves.length;
        const flags = (isFirst ? messageFlags.snapshotBegin : 0) | (isLast ? messageFlags.snapshotEnd : 0);
        const opens = this.#opens(agent, host, halves.slice(from, from + rowsMax), isFirst, 5_000);
        this.#push(agent, { seq: ++agent.seq, flags, opens, ...(isFirst ? definitions(host) : {}) });
      }
    }
  }

  /**
   * Makes the messages of one tick: each host closes and opens so many of its connections, and counts a share of them.
   * @returns sockets opened, and counted
   */
  prepareTick(churn: number, counted: number): { opened: number; counted: number } {
    const opened = new Map<number, Half[]>();
    const closed = new Map<number, number[]>();
    const clients = this.#agents.map(({ halves }) => halves.filter((half) => half?.isClient === true));
    for (const [host, own] of clients.entries()) {
      for (const half of own.slice(0, Math.round(own.length * churn))) {
        this.#close(host, half!, closed);
        for (const [owner, fresh] of this.#dial(host))
          opened.set(owner, [...(opened.get(owner) ?? []), fresh]);
      }
    }
    let [openedCount, countedCount] = [0, 0];
    for (const [host, agent] of this.#agents.entries()) {
      const fresh = new Set(opened.get(host) ?? []);
      const old = agent.halves.filter((half) => half !== null && !fresh.has(half)) as Half[];
      const told = old.slice(0, Math.round(old.length * counted));
      const slots = closed.get(host) ?? [];
      this.#push(agent, {
        seq: ++agent.seq,
        opens: this.#opens(agent, host, [...fresh], false, 0),
        closes: { slot: slots, ageMs: slots.map(() => 0) },
        grown: {
          slot: told.map(({ slot }) => slot),
          sent: told.map(() => 100),
          received: told.map(() => 200),
          rttUs: told.map(() => 300),
        },
      });
      openedCount += fresh.size;
      countedCount += told.length;
    }
    return { opened: openedCount, counted: countedCount };
  }

  /** The aggregator takes what was made, and what it does twice a second is done. */
  receive(): void {
    for (const { agent, bytes } of this.#messages) agent.session.receive(bytes);
    this.view.correlator.sweep(this.#nowMs);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    this.#messages = [];
  }

  #dial(host: number): [number, Half][] {
    const agent = this.#agents[host]!;
    const peer = (host + 1 + (agent.lastPort % this.#peers)) % this.#agents.length;
    const port = agent.lastPort++;
    if (agent.lastPort > 65_000) agent.lastPort = firstPort;
    const near = this.#put(host, true, peer, port);
    return [
      [host, near],
      [peer, this.#put(peer, false, host, port)],
    ];
  }

  #put(host: number, isClient: boolean, peer: number, port: number): Half {
    const { halves } = this.#agents[host]!;
    const half = { slot: halves.length, isClient, peer, port };
    halves.push(half);
    return half;
  }

  #close(host: number, half: Half, closed: Map<number, number[]>): void {
    const far = this.#agents[half.peer]!.halves;
    const other = far.find(
      (each) => each !== null && !each.isClient && each.peer === host && each.port === half.port,
    )!;
    for (const [owner, slot] of [
      [host, half.slot],
      [half.peer, other.slot],
    ] as const) {
      this.#agents[owner]!.halves[slot] = null;
      const slots = closed.get(owner);
      if (slots === undefined) closed.set(owner, [slot]);
      else slots.push(slot);
    }
  }

  #opens(
    agent: Agent,
    host: number,
    halves: readonly Half[],
    listens: boolean,
    ageMs: number,
  ): AgentBatch['opens'] {
    const rows = listens ? [null, ...halves] : halves;
    const each = (of: (half: Half) => number, listener: number): number[] =>
      rows.map((half) => (half === null ? listener : of(half)));
    return {
      slot: each(({ slot }) => slot, 0),
      localAddress: each(() => addressOf(host), 0),
      remoteAddress: each(({ peer }) => addressOf(peer), 0),
      ports: each(
        ({ isClient, port }) => (isClient ? (port << 16) | servedPort : (servedPort << 16) | port) >>> 0,
        (servedPort << 16) >>> 0,
      ),
      meta: each(() => established, listening),
      netns: each(() => 1, 1),
      inode: each(({ slot }) => slot + 1_000, 999),
      uid: each(() => 1000, 1000),
      process: each(({ isClient, port }) => (isClient ? 2 + (port % 20) : 1), 1),
      fd: each(({ slot }) => slot + 10, 3),
      ageMs: each(() => ageMs, ageMs),
      unseenMs: each(() => 1_000, 1_000),
      id: each(() => ++agent.lastId, ++agent.lastId),
    };
  }

  #hello(host: number): NonNullable<AgentBatch['hello']> {
    return {
      protocol: protocolVersion,
      agentVersion: '0',
      hostId: `id-${host}`,
      hostName: `h${host}`,
      realm: 'default',
      labels: new Map(),
      bootId: `boot-${host}`,
      epoch: 1,
      session: 1,
      collector: 'bench',
      cannotSee: [],
      intervalMs: 1_000,
      kernel: '',
      events: '',
      watchedUnixMs: 0,
    };
  }

  #push(agent: Agent, parts: Partial<AgentBatch>): void {
    this.#messages.push({
      agent,
      bytes: encodeAgentMessage(agentBatch({ baseUnixMs: this.#nowMs, ...parts })),
    });
  }
}

function addressOf(host: number): number {
  return 0x0a010000 + host;
}

function definitions(host: number): Partial<AgentBatch> {
  const address = addressOf(host);
  const ip = `10.1.${(address >> 8) & 0xff}.${address & 0xff}`;
  return {
    processes: Array.from({ length: 22 }, (_, n) => ({
      id: n + 1,
      process: {
        pid: 100 + n,
        startTicks: 1,
        comm: `svc${n}`,
        exe: `/usr/bin/svc${n}`,
        cmdline: `svc${n} --serve`,
        program: n === 0 ? `server${host % 200}` : `client${n}-${host % 200}`,
        uid: 1000,
        user: 'svc',
        ...noContainer,
        unit: null,
      },
    })),
    netns: [
      {
        id: 1,
        netns: {
          inode: 4_026_531_840,
          isHost: true,
          addresses: [{ ip, prefixLength: 16, device: 'eth0' }],
          localNetworks: [{ ip: '172.17.0.0', length: 16 }],
          ephemeralPorts: [32_768, 60_999],
        },
      },
    ],
  };
}
