/** Reports that no honest agent makes, in any order: nothing is thrown, nothing leaks, and edges stay a count. */
import { expect, it } from 'vitest';
import { defaultCorrelatorLimits } from '../../../aggregator/correlate/correlator.ts';
import type { ReportedFlow, ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { isListening, type SocketState } from '../../../model/socket-state.ts';
import { stagesMax } from '../../../model/translation.ts';
import { kept, recount } from '../../support/match-recount.ts';
import { fc } from '../../support/random-cases.ts';
import { hostNetns, netnsOf, ReportedFleet } from '../../support/reported-fleet.ts';

const { graceMs } = defaultCorrelatorLimits;

const endpoints = [
  '10.0.0.1:80',
  '10.0.0.2:80',
  '10.0.0.2:4000',
  '127.0.0.1:80',
  '172.17.0.2:80',
  '0.0.0.0:0',
  '[::1]:80',
];
const states: readonly SocketState[] = [
  'established',
  'syn-sent',
  'time-wait',
  'closed',
  'listen',
  'unconnected',
];

const step = fc.record({
  kind: fc.constantFrom(
    ...(['open', 'open', 'open', 'change', 'close', 'move', 'lose', 'pass'] as const),
    ...(['translate', 'translate', 'forward', 'forward-end', 'silence'] as const),
  ),
  host: fc.nat(1),
  which: fc.nat(5),
  local: fc.constantFrom(...endpoints),
  remote: fc.constantFrom(...endpoints),
  state: fc.constantFrom(...states),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  realm: fc.constantFrom('default', 'east'),
  networks: fc.constantFrom([], ['172.17.0.0/16'], ['10.0.0.0/8']),
  ageMs: fc.integer({ min: -10_000, max: 10_000 }),
  role: fc.constantFrom('client' as const, 'server' as const),
  stages: fc.array(fc.tuple(fc.constantFrom(...endpoints), fc.constantFrom(...endpoints)), {
    maxLength: stagesMax,
  }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

class Play {
  readonly fleet = new ReportedFleet();
  readonly hosts = ['h1', 'h2'].map((name) => this.fleet.host(name, { addresses: ['10.0.0.1', '10.0.0.2'] }));
  /** Told opened; closed ones stay, to be told about again. */
  readonly told: ReportedSocket[] = [];
  readonly open = new Set<ReportedSocket>();
  readonly flows: ReportedFlow[] = [];
  #knownFromMs = 0;

  take(step: Step): void {
    const { fleet } = this;
    const host = this.hosts[step.host]!;
    const socket = this.told[step.which % Math.max(1, this.told.length)];
    if (step.kind === 'open') {
      const openedAtMs = fleet.nowMs - step.ageMs;
      const shape = {
        state: step.state,
        protocol: step.protocol,
        openedAtMs,
        notBeforeMs: openedAtMs - 1_000,
      };
      const opened = fleet.open(host, step.local, step.remote, shape);
      this.told.push(opened);
      this.open.add(opened);
    } else if (step.kind === 'change' && socket !== undefined && this.open.has(socket)) {
      fleet.change(socket, step.state);
    } else if (step.kind === 'translate' && socket !== undefined) {
      // Also listeners, and what is closed.
      fleet.translate(
        socket,
        step.role,
        step.stages.map((ends) => ends.join('>')),
      );
    } else if (step.kind === 'forward') {
      const forwarded = step.stages[0]?.join('>') ?? `${step.remote}>${step.local}`;
      this.flows.push(fleet.forward(host, `${step.local}>${step.remote}`, forwarded, step.protocol));
    } else if (step.kind === 'forward-end' && this.flows.length > 0) {
      fleet.view.reports.forwardEnded(this.flows[step.which % this.flows.length]!, fleet.nowMs);
    } else if (step.kind === 'close' && socket !== undefined) {
      // Also when it is closed already.
      fleet.close(socket);
      this.open.delete(socket);
    } else if (step.kind === 'move') {
      host.realm = step.realm;
      host.netns.set(
        hostNetns,
        netnsOf(hostNetns, { addresses: ['10.0.0.1'], localNetworks: step.networks }),
      );
      fleet.view.reports.hostChanged(host, fleet.nowMs);
    } else if (step.kind === 'silence') {
      host.state = host.state === 'live' ? 'stale' : 'live';
      fleet.view.reports.hostChanged(host, fleet.nowMs);
    } else if (step.kind === 'lose') {
      this.lose(step.host);
    } else if (step.kind === 'pass') {
      if (step.ageMs < 0) this.#knownFromMs = Math.max(this.#knownFromMs, fleet.nowMs + graceMs);
      fleet.pass(step.ageMs);
    }
  }

  lose(n: number): void {
    const lost = [...this.open].filter(({ host }) => host === this.hosts[n]);
    this.fleet.view.reports.hostLost(this.hosts[n]!, lost, this.fleet.nowMs);
    for (const socket of lost) this.open.delete(socket);
    for (const flow of this.flows) this.fleet.view.reports.forwardEnded(flow, this.fleet.nowMs);
  }

  /**
   * Nobody knows whose grace time is over after a clock was set back; and what closed before its host went to another
   * realm stays in the old one, so that claims of the new one do not reach it.
   */
  get #isMatchKnown(): boolean {
    const { nowMs, view } = this.fleet;
    const isLeftBehind = [...view.correlator.connections.values()].some(({ realm, halves }) =>
      [halves.a, halves.b].some((half) => half !== null && half.host.realm !== realm),
    );
    return nowMs >= this.#knownFromMs && !isLeftBehind;
  }

  expectCounts(): void {
    const { view } = this.fleet;
    const placed = [...view.correlator.connections.values()].filter((connection) => connection.placed);
    const open = placed.filter(({ closedAtMs }) => closedAtMs === null);
    const edges = [...view.edges()];
    expect(edges.reduce((sum, edge) => sum + edge.open, 0)).toBe(open.length);
    for (const edge of edges) {
      expect(edge.open).toBeGreaterThanOrEqual(0);
      expect(edge.seen.both + edge.seen.client + edge.seen.server).toBe(edge.total);
    }
    for (const { halves, joinedBy } of view.correlator.connections.values()) {
      expect(joinedBy !== null).toBe(halves.a !== null && halves.b !== null && halves.a !== halves.b);
    }
    if (this.#isMatchKnown) expect(kept(view)).toEqual(recount(view));
    const listening = [...this.open].filter(({ state }) => isListening(state));
    expect(view.correlator.listeners.size).toBe(listening.length);
  }
}

it('survives them', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
      const play = new Play();
      for (const each of steps) {
        play.take(each);
        play.expectCounts();
        for (const view of play.fleet.connections()) {
          expect(view.openedAtMs).toBeLessThanOrEqual(view.lastSeenAtMs);
        }
      }
      play.lose(0);
      play.lose(1);
      play.fleet.pass(60 * 60_000);
      const left = Object.entries(play.fleet.view.sizes).filter(([, size]) => size > 0);
      expect(left).toEqual([]);
    }),
    { numRuns: Number(process.env['RUNS'] ?? 500) },
  );
});
