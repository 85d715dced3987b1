/** Everything that the aggregator keeps about one agent between its streams: the host it reports, and its sockets. */
import type { Gap, Heartbeat, Hello } from '../../wire/agent-batch.ts';
import type { HostGap, ReportingHost, SocketReports } from '../correlate/report.ts';
import { AgentTable } from './agent-table.ts';
import { ClockOffset } from './clock-offset.ts';
import type { StreamDictionary } from './dictionary.ts';
import { withGap } from './host-gaps.ts';
import { duplicateWindowMs } from './limits.ts';
import { type AppliedRun, type SavedHost, saveHost } from './saved-host.ts';
import { ToldSockets } from './told-sockets.ts';

/** One moment on both clocks of the aggregator. */
export interface Moment {
  readonly unixMs: number;
  /** Never steps: leases run on it. */
  readonly monotonicMs: number;
}

/** The stream that currently speaks for a host. */
export interface LiveStream {
  readonly hello: Hello;
  /** Ends it because another one took over. */
  supersede(reason: string): void;
}

export class AgentRecord {
  readonly host: ReportingHost;
  readonly table: AgentTable;
  /** What of it was told here; in `table` what of that is open. */
  readonly toldSockets = new ToldSockets();
  clock: ClockOffset;
  #stream: LiveStream | null = null;
  /** Monotonic clock. */
  #heardMs: number;
  #inStepMs: number;
  /** When the stream before the current one said its last; aggregator's clock. */
  #heardBeforeMs: number;
  #epoch = 0;
  /** Of the stream whose snapshot was applied last; null before the first. */
  #applied: AppliedRun | null = null;
  #agentCannotSee: readonly string[] = [];
  /** Losses that earlier runs of the agent reported. */
  #lostBefore = 0;
  #lostInEpoch = 0;
  #duplicate: { readonly text: string; readonly atMs: number; readonly count: number } | null = null;

  constructor(hello: Hello, reports: SocketReports, now: Moment) {
    this.host = newHost(hello, now.unixMs);
    this.table = new AgentTable(this.host, reports, this.toldSockets);
    this.clock = new ClockOffset(0, now.unixMs);
    this.#heardMs = now.monotonicMs;
    this.#inStepMs = now.monotonicMs;
    this.#heardBeforeMs = now.unixMs;
  }

  /** null between streams. */
  get stream(): LiveStream | null {
    return this.#stream;
  }

  /** When the agent last said anything; monotonic clock. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** When the copy of its sockets last was the agent's, or its stream began; monotonic clock. */
  get inStepMs(): number {
    return this.#inStepMs;
  }

  attach(stream: LiveStream, clock: ClockOffset): void {
    this.#stream = stream;
    if (stream.hello.epoch !== this.#epoch) this.#startEpoch(stream.hello.epoch);
    this.#heardBeforeMs = this.host.lastSeenMs;
    this.clock = clock;
  }

  /** Another run of the agent counts and numbers from the start. */
  #startEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#lostBefore += this.#lostInEpoch;
    this.#lostInEpoch = 0;
  }

  detach(): void {
    this.#stream = null;
  }

  heard(now: Moment): void {
    this.#heardMs = now.monotonicMs;
    this.host.lastSeenMs = now.unixMs;
  }

  /** What its next rows tell is so at that moment of the agent's clock. */
  tellsOf(agentUnixMs: number, nowMs: number): void {
    const { host } = this;
    host.asOfBeforeMs = host.asOfMs;
    host.asOfMs = Math.max(host.asOfMs, this.clock.toOurs(agentUnixMs, nowMs));
  }

  /** The agent speaks, and what it speaks of is known here. */
  keptStep(now: Moment): void {
    this.#inStepMs = now.monotonicMs;
  }

  /** A snapshot of this agent is about to be applied: brings the host up to what its Hello and dictionary say. */
  describe(hello: Hello, dictionary: StreamDictionary, nowMs: number): void {
    const { host } = this;
    const isRestart = this.#applied !== null && this.#applied.epoch !== hello.epoch;
    // An agent that knows up to when it has watched declares that gap itself.
    if (isRestart && hello.watchedUnixMs === 0) {
      const reason =
        this.#applied!.bootId === hello.bootId ? 'the agent was restarted' : 'the host was rebooted';
      // What came and went in between was seen by nobody.
      this.addGap({ fromMs: this.#heardBeforeMs, toMs: nowMs, reason, lostEvents: 0 });
    }
    this.#applied = { epoch: hello.epoch, bootId: hello.bootId };
    host.name = hello.hostName;
    host.realm = hello.realm;
    host.labels = hello.labels;
    host.collector = hello.collector;
    host.events = hello.events;
    host.agentVersion = hello.agentVersion;
    host.intervalMs = hello.intervalMs;
    host.state = 'live';
    host.awaySinceMs = null;
    this.#setCannotSee(hello.cannotSee);
    this.setNetns(dictionary);
  }

  /** For another run of the aggregator. */
  save(): SavedHost {
    return saveHost(this.host, this.#agentCannotSee, {
      epoch: this.#epoch,
      told: this.toldSockets.save(),
      lostBefore: this.#lostBefore,
      lostInEpoch: this.#lostInEpoch,
      applied: this.#applied,
      table: this.table.save(),
    });
  }

  /** Takes over what an earlier run of the aggregator knew, but for what is told with each snapshot. */
  settle({ agent, gaps, lastSeenMs }: SavedHost): void {
    this.#epoch = agent.epoch;
    this.toldSockets.settle(agent.told);
    this.#lostBefore = agent.lostBefore;
    this.#lostInEpoch = agent.lostInEpoch;
    this.#applied = agent.applied;
    this.table.settle(agent.table);
    this.host.gaps = gaps;
    this.host.lostEvents = agent.lostBefore + agent.lostInEpoch;
    this.host.lastSeenMs = Math.max(this.host.lastSeenMs, lastSeenMs);
  }

  /** A lease is counted from then on. */
  believeFrom(now: Moment): void {
    this.#heardMs = now.monotonicMs;
    this.#inStepMs = now.monotonicMs;
  }

  setNetns(dictionary: StreamDictionary): void {
    this.host.netns.clear();
    for (const netns of dictionary.allNetns()) this.host.netns.set(netns.inode, netns);
  }

  heartbeat(heartbeat: Heartbeat, nowMs: number): void {
    this.clock.heartbeat(heartbeat.unixMs, heartbeat.roundTripMs, nowMs);
    this.host.clockOffsetMs = this.clock.measuredMs;
    this.host.clockDoubtMs = this.clock.doubtMs;
    this.#lostInEpoch = Math.max(this.#lostInEpoch, heartbeat.lostEvents);
    this.host.lostEvents = this.#lostBefore + this.#lostInEpoch;
    if (heartbeat.collector !== '') this.host.collector = heartbeat.collector;
    if (heartbeat.intervalMs > 0) this.host.intervalMs = heartbeat.intervalMs;
    this.#setCannotSee(heartbeat.cannotSee);
  }

  /** A gap in the agent's words and on its clock. One resent after a lost acknowledgement is known already. */
  addAgentGap(gap: Gap, nowMs: number, epoch = this.#epoch): void {
    const told = this.toldSockets.of(epoch);
    if (told?.addGap(gap.id) !== true) return;
    this.addGap({
      fromMs: this.clock.toOurs(gap.fromUnixMs, nowMs),
      toMs: this.clock.toOurs(gap.toUnixMs, nowMs),
      reason: gap.reason,
      lostEvents: gap.lostEvents,
    });
  }

  addGap(gap: HostGap): void {
    this.host.gaps = withGap(this.host.gaps, gap);
  }

  /** Two machines spoke for this host at one time. Said to people from the second time on: once may be a reboot. */
  noteDuplicate(text: string, nowMs: number): number {
    const isRepeated = this.#duplicate !== null && nowMs - this.#duplicate.atMs < duplicateWindowMs;
    const count = isRepeated ? this.#duplicate!.count + 1 : 1;
    this.#duplicate = { text, atMs: nowMs, count };
    this.#setCannotSee(this.#agentCannotSee);
    return count;
  }

  /** Takes back what was said about a duplicate when there was none for a while. */
  expireDuplicate(nowMs: number): void {
    if (this.#duplicate === null || nowMs - this.#duplicate.atMs < duplicateWindowMs) return;
    this.#duplicate = null;
    this.#setCannotSee(this.#agentCannotSee);
  }

  #setCannotSee(sentences: readonly string[]): void {
    this.#agentCannotSee = sentences;
    const shown = this.#duplicate !== null && this.#duplicate.count > 1 ? [this.#duplicate.text] : [];
    this.host.cannotSee = [...shown, ...sentences];
  }
}

/** Stale until its first snapshot is applied: nothing of it is known yet. */
function newHost(hello: Hello, nowMs: number): ReportingHost {
  return {
    id: hello.hostId,
    name: hello.hostName,
    realm: hello.realm,
    labels: hello.labels,
    state: 'stale',
    collector: hello.collector,
    events: hello.events,
    cannotSee: hello.cannotSee,
    agentVersion: hello.agentVersion,
    intervalMs: hello.intervalMs,
    netns: new Map(),
    gaps: [],
    lostEvents: 0,
    lastSeenMs: nowMs,
    asOfMs: 0,
    asOfBeforeMs: 0,
    awaySinceMs: nowMs,
    clockOffsetMs: null,
    clockDoubtMs: null,
  };
}
