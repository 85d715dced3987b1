/** Every transition of the stream to the aggregator, and its waits. */
import { describe, expect, test } from 'vitest';
import { backoffMs, snapshotDelayMs } from '../../../agent/export/backoff.ts';
import {
  advance,
  type StreamEvent,
  type StreamState,
  type Transition,
} from '../../../agent/export/lifecycle.ts';
import { fc } from '../../support/random-cases.ts';

/** Half of the full wait, so that jitter shows. */
const at = (nowMs: number) => ({ nowMs, random: 0.5 });

function run(events: readonly StreamEvent[], from: StreamState = { kind: 'idle' }): Transition {
  let last: Transition = { state: from, actions: [], timerMs: null };
  for (const event of events) last = advance(last.state, event, at(0));
  return last;
}

const welcomed: StreamEvent = { kind: 'welcomed', startAfterMs: 0 };
const toStreaming: StreamEvent[] = [
  { kind: 'start' },
  { kind: 'connected' },
  welcomed,
  { kind: 'snapshot-acknowledged' },
];
const broken: StreamEvent = { kind: 'ended', why: 'broken', refused: false };

describe('the life of a stream', () => {
  test('idle → connecting → greeting → snapshotting → streaming', () => {
    expect(run(toStreaming.slice(0, 1))).toEqual({
      state: { kind: 'connecting', attempt: 0 },
      actions: [{ kind: 'dial' }],
      timerMs: 10_000,
    });
    expect(run(toStreaming.slice(0, 2)).state).toEqual({ kind: 'greeting', attempt: 0 });
    expect(run(toStreaming.slice(0, 3))).toEqual({
      state: { kind: 'snapshotting', attempt: 0, resyncs: 0 },
      actions: [{ kind: 'begin-snapshot' }],
      timerMs: null,
    });
    expect(run(toStreaming).state).toEqual({ kind: 'streaming', resyncs: 0, sinceMs: 0 });
  });

  test('a snapshot without a reason comes every 15 minutes, more or less', () => {
    const streaming = run(toStreaming);
    expect(streaming.timerMs).toBe(15 * 60_000);
    const waits = [0, 0.999].map((random) => {
      const snapshotting: StreamState = { kind: 'snapshotting', attempt: 0, resyncs: 0 };
      return advance(snapshotting, { kind: 'snapshot-acknowledged' }, { nowMs: 0, random }).timerMs;
    });
    expect(waits).toEqual([675_000, 1_124_550]);
    expect(run([{ kind: 'timer' }], streaming.state)).toEqual({
      state: { kind: 'snapshotting', attempt: 0, resyncs: 0 },
      actions: [{ kind: 'begin-snapshot' }],
      timerMs: null,
    });
  });

  test('a welcome may put the snapshot off', () => {
    const events: StreamEvent[] = [{ kind: 'start' }, { kind: 'welcomed', startAfterMs: 700 }];
    expect(run(events)).toEqual({
      state: { kind: 'holding', attempt: 0, resyncs: 0 },
      actions: [],
      timerMs: 700,
    });
    expect(run([...events, { kind: 'timer' }]).actions).toEqual([{ kind: 'begin-snapshot' }]);
  });

  test('each failure doubles the wait, up to 10 s, until a snapshot is acknowledged', () => {
    const waits: Transition['timerMs'][] = [];
    let state: StreamState = { kind: 'connecting', attempt: 0 };
    for (let n = 0; n < 9; n++) {
      const ended = advance(state, broken, at(0));
      waits.push(ended.timerMs);
      state = advance(ended.state, { kind: 'timer' }, at(0)).state;
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    const inStep = run([welcomed, { kind: 'snapshot-acknowledged' }, broken], state);
    expect(inStep.timerMs).toBe(100);
    const neverInStep = run([welcomed, broken], state);
    expect(neverInStep.timerMs).toBe(5000);
  });

  test('silence before the welcome counts as a failure', () => {
    expect(run([{ kind: 'start' }, { kind: 'timer' }])).toEqual({
      state: { kind: 'backing-off', attempt: 1, why: 'no answer within 10 s' },
      actions: [
        { kind: 'hang-up' },
        { kind: 'use-endpoint', endpoint: null },
        { kind: 'log', level: 'warn', text: 'no answer within 10 s' },
      ],
      timerMs: 100,
    });
  });

  test('a refusal is retried each minute', () => {
    const refused = run([{ kind: 'start' }, { kind: 'ended', why: 'upgrade the agent', refused: true }]);
    expect(refused.state).toEqual({ kind: 'refused', why: 'upgrade the agent' });
    expect(refused.timerMs).toBe(60_000);
    expect(run([{ kind: 'timer' }], refused.state).actions).toEqual([{ kind: 'dial' }]);
  });

  test('the first new snapshot comes at once, further ones wait longer, and a minute in step makes up for all', () => {
    const resync: StreamEvent = { kind: 'out-of-step', why: 'message 3 is missing' };
    const first = run([...toStreaming, resync]);
    expect(first.state).toEqual({ kind: 'snapshotting', attempt: 0, resyncs: 1 });
    expect(first.actions).toEqual([
      { kind: 'log', level: 'warn', text: 'a new snapshot is due: message 3 is missing' },
      { kind: 'begin-snapshot' },
    ]);
    const second = run([{ kind: 'snapshot-acknowledged' }, resync], first.state);
    expect([second.state.kind, second.timerMs]).toEqual(['holding', 2000]);
    const third = run([{ kind: 'timer' }, resync], second.state);
    expect([third.state.kind, third.timerMs]).toEqual(['holding', 4000]);
    const calm: StreamState = { kind: 'streaming', resyncs: 5, sinceMs: 0 };
    expect(advance(calm, resync, at(60_000)).state.kind).toBe('snapshotting');
  });

  test('goes where it is pointed after a wait, and back home when that fails', () => {
    const pointed = run([...toStreaming, { kind: 'redirected', endpoint: '[::1]:7443' }]);
    expect(pointed.state.kind).toBe('backing-off');
    expect(pointed.actions).toContainEqual({ kind: 'use-endpoint', endpoint: '[::1]:7443' });
    const failed = run([{ kind: 'timer' }, broken], pointed.state);
    expect(failed.actions).toContainEqual({ kind: 'use-endpoint', endpoint: null });
  });

  test('nothing happens after stop, and every event is taken in every state', () => {
    const events: fc.Arbitrary<StreamEvent> = fc.constantFrom(
      ...toStreaming,
      broken,
      { kind: 'out-of-step', why: 'x' },
      { kind: 'redirected', endpoint: 'x:1' },
      { kind: 'ended', why: 'no', refused: true },
      { kind: 'timer' },
    );
    fc.assert(
      fc.property(fc.array(events), fc.array(events), (before, after) => {
        const stopped = run([...before, { kind: 'stop' }]);
        expect(stopped.actions).toEqual([{ kind: 'hang-up' }]);
        expect(run(after, stopped.state).state).toEqual({ kind: 'stopped' });
      }),
    );
  });

  test('every state that waits for nobody else has a timer', () => {
    const events = fc.constantFrom<StreamEvent>(
      ...toStreaming,
      broken,
      { kind: 'timer' },
      { kind: 'out-of-step', why: 'x' },
    );
    fc.assert(
      fc.property(fc.array(events, { maxLength: 40 }), (script) => {
        let state: StreamState = { kind: 'idle' };
        let timer = false;
        for (const event of script) {
          if (event.kind === 'timer' && !timer) continue;
          const next = advance(state, event, at(0));
          if (event.kind === 'timer') timer = false;
          if (next.timerMs !== 'keep') timer = next.timerMs !== null;
          state = next.state;
          if (['connecting', 'greeting', 'holding', 'backing-off', 'refused'].includes(state.kind)) {
            expect(timer).toBe(true);
          }
        }
      }),
    );
  });
});

describe('backoff', () => {
  test('is anywhere below a bound that doubles from 0.2 s to 10 s', () => {
    expect(backoffMs(0, 0)).toBe(0);
    expect(backoffMs(0, 1)).toBe(200);
    expect(backoffMs(3, 1)).toBe(1600);
    expect(backoffMs(60, 1)).toBe(10_000);
  });

  test('of snapshots: none, then 2 s up to a minute', () => {
    expect([0, 1, 2, 5, 6, 60].map(snapshotDelayMs)).toEqual([0, 2000, 4000, 32_000, 60_000, 60_000]);
  });
});
