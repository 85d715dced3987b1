/**
 * The registry of agents: which stream speaks for a host, and how long a silent one is believed.
 *
 * Life of a host: stale until its first snapshot; live while its stream is in step; stale when the stream broke, said
 * nothing or stayed out of step for a while; lost, and out of the live view, when it stayed away; live again with its
 * next snapshot.
 */
import type { Logger } from 'pino';
import type { Hello } from '../../wire/agent-batch.ts';
import type { ReportingHost, SocketReports } from '../correlate/report.ts';
import { AgentRecord, type LiveStream, type Moment } from './agent-record.ts';
import type { IngestLimits } from './limits.ts';
import { SimpleOpens } from './simple-opens.ts';

/** Why a Hello is refused, in one line for the agent's log. */
export interface Refusal {
  readonly code: 'duplicate' | 'full';
  readonly reason: string;
}

export class Hosts {
  /** One for all messages, one after the other. */
  readonly simpleOpens = new SimpleOpens();
  readonly #records = new Map<string, AgentRecord>();
  readonly #reports: SocketReports;
  readonly #limits: IngestLimits;
  readonly #log: Logger;
  #refused = 0;

  constructor(reports: SocketReports, limits: IngestLimits, log: Logger) {
    this.#reports = reports;
    this.#limits = limits;
    this.#log = log;
  }

  *all(): Iterable<ReportingHost> {
    for (const record of this.#records.values()) yield record.host;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Streams that were turned away since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Lets a stream speak for its host, in place of an older one; or says why not. */
  admit(stream: LiveStream, firstUnixMs: number, now: Moment): AgentRecord | Refusal {
    const { hello } = stream;
    const known = this.#records.get(hello.hostId);
    const refusal = known === undefined ? this.#makeRoom() : this.#settleRivalry(known, stream, now);
    if (refusal !== null) {
      this.#refused++;
      return refusal;
    }
    const record = known ?? new AgentRecord(hello, this.#reports, now);
    this.#records.set(hello.hostId, record);
    record.attach(stream, record.clock.resumed(firstUnixMs, now.unixMs));
    record.heard(now);
    record.keptStep(now);
    return record;
  }

  /** The stream of `record` is over: until it is back, what it told is only remembered. */
  release(record: AgentRecord, stream: LiveStream, now: Moment): void {
    if (record.stream !== stream) return;
    record.detach();
    this.#becomeStale(record, now);
  }

  /** Looks after the leases. Call it about once a second. */
  sweep(now: Moment): void {
    for (const record of this.#records.values()) {
      // An agent that talks and does not get in step leaves an old copy behind, just as a silent one does.
      const outOfStepMs = now.monotonicMs - record.inStepMs;
      if (outOfStepMs >= this.#limits.staleAfterMs) this.#becomeStale(record, now);
      const silentMs = now.monotonicMs - record.heardMs;
      if (silentMs >= this.#limits.lostAfterMs) this.#becomeLost(record, now);
      record.expireDuplicate(now.unixMs);
    }
  }

  #becomeStale(record: AgentRecord, now: Moment): void {
    const { host } = record;
    if (host.state !== 'live') return;
    host.state = 'stale';
    host.awaySinceMs = now.unixMs;
    this.#log.warn({ host: host.name, hostId: host.id }, 'host is stale: its agent stopped or went silent');
    this.#reports.hostChanged(host, now.unixMs);
  }

  #becomeLost(record: AgentRecord, now: Moment): void {
    const { host } = record;
    if (host.state !== 'stale') return;
    host.state = 'lost';
    this.#log.warn({ host: host.name, hostId: host.id }, 'host is lost: its sockets leave the live view');
    this.#reports.hostLost(host, record.table.withdraw(now.unixMs), now.unixMs);
  }

  /** A new host takes the place of the one that is lost longest, where all places are taken. */
  #makeRoom(): Refusal | null {
    if (this.#records.size < this.#limits.hostsMax) return null;
    const lost = [...this.#records.values()].filter(
      ({ host, stream }) => host.state === 'lost' && stream === null,
    );
    const oldest = lost.sort((a, b) => a.heardMs - b.heardMs)[0];
    if (oldest === undefined) {
      return { code: 'full', reason: `this aggregator already has its ${this.#limits.hostsMax} hosts` };
    }
    this.#records.delete(oldest.host.id);
    return null;
  }

  /** The newest run of an agent, and of that its newest stream, speaks for the host. */
  #settleRivalry(record: AgentRecord, challenger: LiveStream, now: Moment): Refusal | null {
    const holder = record.stream;
    if (holder === null) return null;
    this.#noteDuplicate(record, holder.hello, challenger.hello, now);
    if (isNewer(challenger.hello, holder.hello)) {
      holder.supersede(`a newer agent took over host id ${record.host.id}: ${machineOf(challenger.hello)}`);
      return null;
    }
    const reason =
      `host id ${record.host.id} is connected already by ${machineOf(holder.hello)}: ` +
      'give each host its own with --host-id';
    return { code: 'duplicate', reason };
  }

  #noteDuplicate(record: AgentRecord, holder: Hello, challenger: Hello, now: Moment): void {
    if (isSameMachine(holder, challenger)) return;
    const text =
      `two machines report under host id ${record.host.id}, ${machineOf(holder)} and ${machineOf(challenger)}: ` +
      'only one is shown; give each its own with --host-id';
    const count = record.noteDuplicate(text, now.unixMs);
    if (count === 2) this.#log.warn({ hostId: record.host.id }, text);
  }
}

function isNewer(a: Hello, b: Hello): boolean {
  return a.epoch === b.epoch ? a.session > b.session : a.epoch > b.epoch;
}

function isSameMachine(a: Hello, b: Hello): boolean {
  return a.bootId === b.bootId && a.hostName === b.hostName;
}

function machineOf(hello: Hello): string {
  return `${hello.hostName} (boot ${hello.bootId.slice(0, 8) || 'unknown'})`;
}
