/**
 * The agent of one simulated host: the real watch, slot table, batch builder and encoder, on a clock of its own. In
 * place of kernels it reads the true history, in place of gRPC it has a link that delays.
 */
import { BatchBuilder } from '../../../agent/export/batch-builder.ts';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';
import { Heartbeats } from '../../../agent/export/heartbeats.ts';
import { SlotTable } from '../../../agent/export/slot-table.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';
import { agentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { protocolVersion } from '../../../wire/protocol.ts';
import type { ServerSaying } from '../../../wire/server-message.ts';
import { hostNetns, netnsOf, translationOf, tupleOf } from '../reported-fleet.ts';
import type { HostPlan } from './fleet-plan.ts';
import {
  type EndName,
  endNames,
  endOfPid,
  flowsAt,
  type History,
  rowsAt,
  type TrueEndName,
  type Truth,
} from './true-history.ts';
import { apiIp, apiNetns, bridgeIp, bridgeNetwork, podNetns, twinNetns, webIp, webNetns } from './ways.ts';

export const scanIntervalMs = 1_000;
const netnsInodes = [hostNetns, webNetns, apiNetns, podNetns, twinNetns] as const;

const habits = { collector: 'simulated', intervalMs: scanIntervalMs };

/** The way to the aggregator. */
export interface Uplink {
  send(bytes: Buffer, hasRows: boolean): void;
}

/** What one run of the agent's process knows. */
interface Run {
  readonly epoch: number;
  readonly watch: SocketWatch;
  readonly slots: SlotTable;
  readonly builder: BatchBuilder;
  /** Opened since the scan before this one, which conntrack was not asked about yet. */
  toLookUp: { readonly id: number; readonly socket: OwnedSocket }[];
  readonly flows: Map<Truth, number>;
  session: number;
  seq: number;
}

export class SimulatedAgent {
  readonly plan: HostPlan;
  readonly #history: History;
  readonly #number: number;
  /** Unix milliseconds of the moment 0 of the history. */
  readonly #startUnixMs: number;
  #run: Run;
  #uplink: Uplink | null = null;
  #isWelcome = false;
  #heartbeats = new Heartbeats(0);

  constructor(history: History, number: number, startUnixMs: number) {
    this.plan = history.plan.hosts[number]!;
    this.#history = history;
    this.#number = number;
    this.#startUnixMs = startUnixMs;
    this.#run = this.#newRun(1);
  }

  #newRun(epoch: number): Run {
    const gaps = new GapLedger();
    const slots = new SlotTable(gaps);
    // Small messages, so that a snapshot takes more than one.
    const builder = new BatchBuilder(slots, gaps, 2_000);
    builder.setNetns(this.#namespaces());
    return {
      epoch,
      watch: new SocketWatch(),
      slots,
      builder,
      toLookUp: [],
      flows: new Map(),
      session: 0,
      seq: 0,
    };
  }

  /** Its clock at a moment of the history. */
  #unixMs(atMs: number): number {
    return this.#startUnixMs + atMs + this.plan.clockMs;
  }

  connect(uplink: Uplink, atMs: number): void {
    const run = this.#run;
    this.#uplink = uplink;
    this.#isWelcome = false;
    this.#heartbeats = new Heartbeats(atMs);
    run.session++;
    const hello = {
      protocol: protocolVersion,
      agentVersion: '0',
      hostId: `id-${this.#number}`,
      hostName: `h${this.#number}`,
      realm: `realm-${this.plan.realm}`,
      labels: new Map<string, string>(),
      bootId: `boot-${this.#number}`,
      epoch: run.epoch,
      session: run.session,
      ...habits,
      events: '',
      cannotSee: [],
      kernel: '6.18',
      watchedUnixMs: 0,
    };
    uplink.send(encodeAgentMessage(agentBatch({ baseUnixMs: this.#unixMs(atMs), hello })), false);
  }

  disconnect(): void {
    this.#uplink = null;
    this.#isWelcome = false;
  }

  /** Its process ends and another one begins, which remembers nothing. */
  restart(): void {
    this.disconnect();
    this.#run = this.#newRun(this.#run.epoch + 1);
  }

  hear(saying: ServerSaying, atMs: number): void {
    switch (saying.kind) {
      case 'welcome':
        this.#isWelcome = true;
        this.#run.builder.startSnapshot();
        this.#flush(atMs);
        return this.beat(atMs);
      case 'ack':
        return this.#run.slots.acknowledge(saying.durableSeq);
      case 'resync':
      case 'nack':
        this.#run.builder.startSnapshot();
        return this.#flush(atMs);
      case 'heartbeat':
        this.#heartbeats.answered(saying.monotonicMs, atMs);
        return this.beat(atMs);
      case 'throttle':
      case 'redirect':
        return;
    }
  }

  /** Sends a heartbeat if one is due. */
  beat(atMs: number): void {
    if (!this.#isWelcome || !this.#heartbeats.isDue(atMs)) return;
    const unixMs = this.#unixMs(atMs);
    const vitals = { openSockets: 0, lostEvents: 0, malformedRows: 0, scanMs: 1, cannotSee: [], ...habits };
    const roundTripMs = this.#heartbeats.send(atMs);
    const heartbeat = { unixMs, monotonicMs: Math.round(atMs), roundTripMs, ...vitals };
    this.#uplink?.send(encodeAgentMessage(agentBatch({ baseUnixMs: unixMs, heartbeat })), false);
  }

  /** Reads the kernels, and tells what became different. */
  scan(atMs: number): void {
    const run = this.#run;
    const unixMs = this.#unixMs(atMs);
    const lookUps = run.toLookUp;
    run.toLookUp = [];
    const events = run.watch.apply({
      startedAtMs: unixMs,
      finishedAtMs: unixMs,
      sockets: rowsAt(this.#history, this.#number, atMs),
      netns: this.#namespaces(),
      scannedNetns: new Set(netnsInodes),
      malformed: [],
      malformedTotal: 0,
      cannotSee: [],
    });
    if (this.plan.lookUp === 'later') for (const { id, socket } of lookUps) this.#lookUp(id, socket, atMs);
    for (const event of events) this.#take(event, atMs);
    if (this.plan.lookUp !== 'never') this.#followFlows(atMs);
    this.#flush(atMs);
  }

  #take(event: SocketEvent, atMs: number): void {
    const run = this.#run;
    run.slots.apply(event);
    if (event.kind !== 'opened') return;
    if (this.plan.lookUp === 'at-once') this.#lookUp(event.id, event.socket, atMs);
    else run.toLookUp.push(event);
  }

  #lookUp(id: number, socket: OwnedSocket, atMs: number): void {
    const [name, stages] = this.#stagesOf(socket, atMs) ?? [];
    if (name === undefined || stages === undefined) return;
    this.#run.slots.apply({ kind: 'translated', id, translation: translationOf(name, stages) });
  }

  /** What conntrack has of it: the tuple decides, as the socket may have no owner yet. */
  #stagesOf(socket: OwnedSocket, atMs: number): [EndName, readonly string[]] | null {
    const [owner] = socket.owners;
    const end = owner === undefined ? null : endOfPid(this.#history, owner.process.pid);
    const told = end === null ? this.#endAt(socket, atMs) : end;
    if (told === null) return null;
    const { truth, name } = told;
    return truth.protocol === socket.protocol ? [name, truth[name]!.stages] : null;
  }

  /** The entry of the last generation of its tuple. */
  #endAt({ netns, local, remote }: OwnedSocket, atMs: number): TrueEndName | null {
    const [from, to] = [formatEndpoint(local), formatEndpoint(remote)];
    for (const truth of this.#history.truths.toReversed()) {
      if (truth.bornMs > atMs) continue;
      for (const name of endNames) {
        const end = truth[name];
        if (end?.host !== this.#number || end.netns !== netns) continue;
        if (end.local === from && end.remote === to) return { truth, name };
      }
    }
    return null;
  }

  #followFlows(atMs: number): void {
    const { flows, slots, watch } = this.#run;
    const now = flowsAt(this.#history, this.#number, atMs);
    for (const [truth, id] of flows) {
      if (now.some((one) => one === truth)) continue;
      slots.apply({ kind: 'forward-closed', id, closedAtMs: this.#unixMs(atMs) });
      flows.delete(truth);
    }
    for (const truth of now) {
      if (flows.has(truth)) continue;
      const id = watch.nextId();
      const { protocol, flow } = truth;
      const tuples = { dialed: tupleOf(flow.dialed), forwarded: tupleOf(flow.forwarded) };
      flows.set(truth, id);
      slots.apply({
        kind: 'forwarded',
        id,
        flow: { protocol, netns: hostNetns, ...tuples },
        openedAtMs: this.#unixMs(atMs),
      });
    }
  }

  #flush(atMs: number): void {
    const run = this.#run;
    while (this.#isWelcome && this.#uplink !== null) {
      const batch = run.builder.build(run.seq + 1, this.#unixMs(atMs));
      if (batch === null) return;
      run.seq = batch.seq;
      this.#uplink.send(encodeAgentMessage(batch), true);
    }
  }

  #namespaces(): ReturnType<typeof netnsOf>[] {
    const { ip, ipv6, podIp } = this.#history.sites[this.#number]!;
    const twins = this.#history.truths.flatMap(({ kind, client }) =>
      kind === 'twin-client' && client?.host === this.#number
        ? [tupleOf(`${client.local}>${client.remote}`).local.ip]
        : [],
    );
    return [
      netnsOf(hostNetns, { addresses: [ip, ipv6, bridgeIp], localNetworks: [bridgeNetwork] }),
      netnsOf(webNetns, { addresses: [webIp] }),
      netnsOf(apiNetns, { addresses: [apiIp] }),
      netnsOf(podNetns, { addresses: [podIp] }),
      netnsOf(twinNetns, { addresses: [...new Set(twins)] }),
    ];
  }
}
