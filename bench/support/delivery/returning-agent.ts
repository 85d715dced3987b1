/**
 * An agent that is real but for its sockets: the slot table, the stream with its backoff, and gRPC of the product. Its sockets
 * are made up; half of them are the other ends of its neighbour's, and some are replaced in every tick.
 */
import { pino } from 'pino';
import { BatchBuilder } from '../../../agent/export/batch-builder.ts';
import { connectPlaintext } from '../../../agent/export/connection.ts';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';
import { SlotTable } from '../../../agent/export/slot-table.ts';
import { AgentStream } from '../../../agent/export/stream.ts';
import { noContainer } from '../../../model/container.ts';
import type { Endpoint } from '../../../model/endpoint.ts';
import { defaultEphemeralPorts } from '../../../model/netns.ts';
import type { Process } from '../../../model/process.ts';
import type { OwnedSocket } from '../../../model/socket.ts';

const netns = 4_026_531_840;
const servedPort = 8743;
const firstPort = 20_000;
const lastPort = 60_000;

interface Held {
  readonly id: number;
  readonly socket: OwnedSocket;
}

/** Who dials is the client of the next agent of the fleet, and the server of the one before. */
export class ReturningAgent {
  readonly #number: number;
  readonly #fleet: number;
  readonly #slots: SlotTable;
  readonly #stream: AgentStream;
  readonly #process: Process;
  #held: Held[] = [];
  #lastId = 0;

  /** @param server HOST:PORT @param number below `fleet`, the number of all */
  constructor(server: string, number: number, fleet: number) {
    this.#number = number;
    this.#fleet = fleet;
    this.#process = processOf(number);
    const gaps = new GapLedger();
    this.#slots = new SlotTable(gaps);
    const builder = new BatchBuilder(this.#slots, gaps);
    const addresses = [{ ip: addressOf(number), prefixLength: 8, device: 'eth0' }];
    builder.setNetns([
      { inode: netns, isHost: true, addresses, localNetworks: [], ephemeralPorts: defaultEphemeralPorts },
    ]);
    this.#stream = new AgentStream({
      server,
      connect: connectPlaintext,
      hello: () => helloOf(number),
      vitals: () => ({ ...noVitals, openSockets: this.#slots.liveCount, lostEvents: gaps.lostEvents }),
      slots: this.#slots,
      builder,
      gaps,
      clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
      random: Math.random,
      log: pino({ level: 'silent' }),
      acceptsEndpoint: () => false,
      onThrottle: () => {},
    });
  }

  /** Its snapshot is acknowledged. */
  get isInStep(): boolean {
    return this.#stream.state.kind === 'streaming';
  }

  /** @param connections that it dials; it accepts as many */
  start(connections: number): void {
    for (let i = 0; i < connections; i++) this.#openPair(i);
    this.#stream.start();
  }

  /** The oldest connections end, and as many begin. @param round the same for all agents, so that ends stay mirrored */
  tick(round: number, connections: number, replaced: number): void {
    this.#stream.tickBegins();
    const nowMs = Date.now();
    for (const { id, socket } of this.#held.splice(0, 2 * replaced)) {
      this.#slots.apply({ kind: 'closed', id, socket, closedAtMs: nowMs });
    }
    for (let i = 0; i < replaced; i++) this.#openPair(connections + round * replaced + i);
    this.#stream.flush();
  }

  /** Connection `nth` to the next agent, and that of the one before. */
  #openPair(nth: number): void {
    const port = firstPort + (nth % (lastPort - firstPort));
    const own = addressOf(this.#number);
    const next = addressOf((this.#number + 1) % this.#fleet);
    const before = addressOf((this.#number + this.#fleet - 1) % this.#fleet);
    this.#open({ ip: own, port }, { ip: next, port: servedPort });
    this.#open({ ip: own, port: servedPort }, { ip: before, port });
  }

  #open(local: Endpoint, remote: Endpoint): void {
    const id = ++this.#lastId;
    const socket: OwnedSocket = {
      protocol: 'tcp',
      state: 'established',
      local,
      remote,
      inode: 1_000 + id,
      uid: 1000,
      netns,
      owners: [{ process: this.#process, fds: [7 + (id % 1000)] }],
    };
    const nowMs = Date.now();
    this.#held.push({ id, socket });
    this.#slots.apply({ kind: 'opened', id, socket, openedAtMs: nowMs, notBeforeMs: nowMs - 1_000 });
  }
}

const noVitals = {
  openSockets: 0,
  lostEvents: 0,
  malformedRows: 0,
  scanMs: 5,
  cannotSee: [],
  collector: 'made up',
  intervalMs: 1_000,
};

function addressOf(number: number): string {
  return `10.${(number >> 8) & 0xff}.${number & 0xff}.1`;
}

function helloOf(number: number) {
  return {
    agentVersion: '0.0.0',
    hostId: `bench-${number}`,
    hostName: `bench-${number}`,
    realm: 'default',
    labels: new Map<string, string>(),
    bootId: 'bench',
    epoch: 1,
    collector: 'made up',
    cannotSee: [],
    intervalMs: 1_000,
    kernel: '6.1.0',
    events: 'ebpf',
    watchedUnixMs: 0,
  };
}

function processOf(number: number): Process {
  const name = `service-${number % 200}`;
  return {
    ...noContainer,
    pid: 1000 + number,
    startTicks: 5000 + number,
    comm: name,
    exe: `/usr/local/bin/${name}`,
    cmdline: `/usr/local/bin/${name} --serve`,
    program: name,
    uid: 1000,
    user: 'shop',
    unit: `${name}.service`,
  };
}
