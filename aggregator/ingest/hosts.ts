/**
 * The registry of agents: which stream speaks for a host, and how long a silent one is believed.
 *
 * Life of a host: stale until its first snapshot; live while its stream is in step; stale when the stream broke, said
 * nothing or stayed out of step for a while; lost, and out of the live view, when it stayed away; live again with its
 * next snapshot.
 */
import type { Logger } from 'pino';
import type { Hello } from '../../wire/agent-batch.ts';
import type { HostGap, ReportingHost, SocketReports } from '../correlate/report.ts';
import { AgentRecord, type LiveStream, type Moment } from './agent-record.ts';
import type { IngestJournal } from './ingest-journal.ts';
import type { IngestLimits } from './limits.ts';
import { helloOfSaved, type SavedHost } from './saved-host.ts';
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
  #forgotten: Pick<HostGap, 'fromMs' | 'reason'> | null = null;

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
    const record = known ?? this.#begin(hello, now);
    record.attach(stream, record.clock.resumed(firstUnixMs, now.unixMs));
    record.heard(now);
    record.keptStep(now);
    return record;
  }

  #begin(hello: Hello, now: Moment): AgentRecord {
    const record = new AgentRecord(hello, this.#reports, now);
    this.#records.set(hello.hostId, record);
    // The first words of an agent can have been said to nobody before.
    const isFirst = hello.epoch === 1 && hello.session === 1;
    if (this.#forgotten !== null && !isFirst) {
      record.addGap({ ...this.#forgotten, toMs: now.unixMs, lostEvents: 0 });
    }
    return record;
  }

  /** What hosts told from then on may be lost here, of such too that nothing is known of: each has a gap when it comes. */
  forgot(fromMs: number, reason: string): void {
    this.#forgotten ??= { fromMs, reason };
  }

  /** The stream of `record` is over: until it is back, what it told is only remembered. */
  release(record: AgentRecord, stream: LiveStream, now: Moment): void {
    if (record.stream !== stream) return;
    record.detach();
    this.#becomeStale(record, now);
  }

  /** Looks after the leases. Call it about once a second. @param journal notes those that are over */
  sweep(now: Moment, journal: IngestJournal | null = null): void {
    for (const record of this.#records.values()) {
      // An agent that talks and does not get in step leaves an old copy behind, just as a silent one does.
      const outOfStepMs = now.monotonicMs - record.inStepMs;
      if (outOfStepMs >= this.#limits.staleAfterMs && this.#becomeStale(record, now))
        journal?.leaseOver(record.host.id, 'stale', now.unixMs);
      const silentMs = now.monotonicMs - record.heardMs;
      if (silentMs >= this.#limits.lostAfterMs && this.#becomeLost(record, now))
        journal?.leaseOver(record.host.id, 'lost', now.unixMs);
      record.expireDuplicate(now.unixMs);
    }
  }

  /** What an earlier run of the aggregator noted of a lease. */
  leaseOver(hostId: string, state: 'stale' | 'lost', now: Moment): void {
    const record = this.#records.get(hostId);
    if (record === undefined) return;
    this.#becomeStale(record, now);
    if (state === 'lost') this.#becomeLost(record, now);
  }

  find(hostId: string): AgentRecord | undefined {
    return this.#records.get(hostId);
  }

  save(): SavedHost[] {
    return Array.from(this.#records.values(), (record) => record.save());
  }

  /** Takes over what an earlier run knew; of hosts that are not known by now, nothing of what they told is. */
  settle(saved: readonly SavedHost[], now: Moment): void {
    for (const host of saved) {
      const known = this.#records.get(host.id);
      if (known === undefined && this.#makeRoom() !== null) continue;
      const record = known ?? new AgentRecord(helloOfSaved(host), this.#reports, now);
      this.#records.set(host.id, record);
      record.settle(host);
      if (host.state === 'lost') this.leaseOver(host.id, 'lost', now);
      if (known === undefined) record.host.awaySinceMs = host.awaySinceMs ?? host.lastSeenMs;
    }
  }

  /** No stream speaks for anybody: all that is known is only remembered, and leases are counted from now on. */
  believeFrom(now: Moment): void {
    for (const record of this.#records.values()) {
      this.#becomeStale(record, { ...now, unixMs: record.host.lastSeenMs });
      record.believeFrom(now);
    }
  }

  #becomeStale(record: AgentRecord, now: Moment): boolean {
    const { host } = record;
    if (host.state !== 'live') return false;
    host.state = 'stale';
    host.awaySinceMs = now.unixMs;
    this.#log.warn({ host: host.name, hostId: host.id }, 'host is stale: its agent stopped or went silent');
    this.#reports.hostChanged(host, now.unixMs);
    return true;
  }

  #becomeLost(record: AgentRecord, now: Moment): boolean {
    const { host } = record;
    if (host.state !== 'stale') return false;
    host.state = 'lost';
    this.#log.warn({ host: host.name, hostId: host.id }, 'host is lost: its sockets leave the live view');
    this.#reports.hostLost(host, record.table.withdraw(now.unixMs), now.unixMs);
    return true;
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
