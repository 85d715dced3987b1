/**
 * The life of the stream to the aggregator as one tagged union and one pure transition: given a state and what
 * happened, the next state and what is to be done. The doing is in stream.ts.
 */
import { backoffMs, snapshotDelayMs } from './backoff.ts';

export type StreamState =
  | { readonly kind: 'idle' }
  /** Dialing; Hello waits in the call. */
  | { readonly kind: 'connecting'; readonly attempt: number }
  /** The server took the call; Hello is sent, Welcome awaited. */
  | { readonly kind: 'greeting'; readonly attempt: number }
  /** Welcome, but the snapshot has to wait for its time. */
  | { readonly kind: 'holding'; readonly attempt: number; readonly resyncs: number }
  /** The snapshot is on its way and not acknowledged yet. */
  | { readonly kind: 'snapshotting'; readonly attempt: number; readonly resyncs: number }
  | { readonly kind: 'streaming'; readonly resyncs: number; readonly sinceMs: number }
  | { readonly kind: 'backing-off'; readonly attempt: number; readonly why: string }
  /** The aggregator will not have this agent as it is; retried at long intervals in case that changes. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'stopped' };

export type StreamEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'connected' }
  | { readonly kind: 'welcomed'; readonly startAfterMs: number }
  | { readonly kind: 'snapshot-acknowledged' }
  /** The aggregator's copy is not what it should be. */
  | { readonly kind: 'out-of-step'; readonly why: string }
  | { readonly kind: 'redirected'; readonly endpoint: string }
  | { readonly kind: 'ended'; readonly why: string; readonly refused: boolean }
  /** The timer that the last transition set has run out. */
  | { readonly kind: 'timer' }
  | { readonly kind: 'stop' };

export type StreamAction =
  /** Opens a call and writes Hello. */
  | { readonly kind: 'dial' }
  | { readonly kind: 'hang-up' }
  | { readonly kind: 'begin-snapshot' }
  /** Where the next dial goes; null = where the configuration says. */
  | { readonly kind: 'use-endpoint'; readonly endpoint: string | null }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly text: string };

export interface Transition {
  readonly state: StreamState;
  readonly actions: readonly StreamAction[];
  /** The timer for the new state, replacing the one before; null = none; 'keep' = the one before goes on. */
  readonly timerMs: number | null | 'keep';
}

/** What a transition depends on beside state and event. */
export interface StreamContext {
  /** Agent's monotonic clock. */
  readonly nowMs: number;
  /** 0 <= random < 1. */
  readonly random: number;
}

/** From dialing to Welcome. */
export const welcomeTimeoutMs = 10_000;

/** Between tries of an agent that was refused. */
export const refusedRetryMs = 60_000;

/** A stream that ran this long in step has made up for earlier resyncs. */
export const inStepAfterMs = 60_000;

/** A snapshot without a reason comes after about so long, so that nothing that went wrong anywhere stays wrong. */
export const snapshotEveryMs = 15 * 60_000;

/** Total: an event that means nothing in a state leaves it as it is. */
export function advance(state: StreamState, event: StreamEvent, context: StreamContext): Transition {
  if (state.kind === 'stopped') return stay(state);
  switch (event.kind) {
    case 'stop':
      return { state: { kind: 'stopped' }, actions: [{ kind: 'hang-up' }], timerMs: null };
    case 'start':
      return state.kind === 'idle' ? dial(0) : stay(state);
    case 'connected':
      return state.kind === 'connecting' ? onConnected(state) : stay(state);
    case 'welcomed':
      return onWelcomed(state, event.startAfterMs);
    case 'snapshot-acknowledged':
      return onSnapshotAcknowledged(state, context);
    case 'out-of-step':
      return onOutOfStep(state, event.why, context);
    case 'redirected':
      return onRedirected(state, event.endpoint, context);
    case 'ended':
      return onEnded(state, event.why, event.refused, context);
    case 'timer':
      return onTimer(state, context);
  }
}

function stay(state: StreamState): Transition {
  return { state, actions: [], timerMs: 'keep' };
}

function dial(attempt: number): Transition {
  return { state: { kind: 'connecting', attempt }, actions: [{ kind: 'dial' }], timerMs: welcomeTimeoutMs };
}

function onConnected(state: Extract<StreamState, { kind: 'connecting' }>): Transition {
  return { state: { kind: 'greeting', attempt: state.attempt }, actions: [], timerMs: 'keep' };
}

function onWelcomed(state: StreamState, startAfterMs: number): Transition {
  if (state.kind !== 'connecting' && state.kind !== 'greeting') return stay(state);
  return snapshotAfter(startAfterMs, { attempt: state.attempt, resyncs: 0 });
}

function snapshotAfter(delayMs: number, counts: { attempt: number; resyncs: number }): Transition {
  if (delayMs > 0) return { state: { kind: 'holding', ...counts }, actions: [], timerMs: delayMs };
  return { state: { kind: 'snapshotting', ...counts }, actions: [{ kind: 'begin-snapshot' }], timerMs: null };
}

function onSnapshotAcknowledged(state: StreamState, context: StreamContext): Transition {
  if (state.kind !== 'snapshotting') return stay(state);
  const next: StreamState = { kind: 'streaming', resyncs: state.resyncs, sinceMs: context.nowMs };
  // Those of a fleet that came in together drift apart.
  return { state: next, actions: [], timerMs: Math.round(snapshotEveryMs * (0.75 + context.random / 2)) };
}

/** A new snapshot; each further one within a short time waits longer, so that a row nobody can take makes no loop. */
function onOutOfStep(state: StreamState, why: string, context: StreamContext): Transition {
  if (state.kind !== 'snapshotting' && state.kind !== 'streaming') return stay(state);
  const inStep = state.kind === 'streaming' && context.nowMs - state.sinceMs >= inStepAfterMs;
  const before = inStep ? 0 : state.resyncs;
  const attempt = state.kind === 'snapshotting' ? state.attempt : 0;
  const next = snapshotAfter(snapshotDelayMs(before), { attempt, resyncs: before + 1 });
  const text = `a new snapshot is due: ${why}`;
  return { ...next, actions: [{ kind: 'log', level: 'warn', text }, ...next.actions] };
}

function onRedirected(state: StreamState, endpoint: string, context: StreamContext): Transition {
  const why = `the aggregator points to ${endpoint}`;
  const next = backOff(state, why, context);
  const use: StreamAction = { kind: 'use-endpoint', endpoint };
  return {
    ...next,
    actions: [{ kind: 'hang-up' }, use, { kind: 'log', level: 'info', text: why }],
  };
}

function onEnded(state: StreamState, why: string, refused: boolean, context: StreamContext): Transition {
  if (state.kind === 'idle' || state.kind === 'backing-off' || state.kind === 'refused') return stay(state);
  const base: StreamAction = { kind: 'use-endpoint', endpoint: null };
  const log: StreamAction = { kind: 'log', level: 'warn', text: why };
  const actions: StreamAction[] = [{ kind: 'hang-up' }, base, log];
  if (refused) return { state: { kind: 'refused', why }, actions, timerMs: refusedRetryMs };
  return { ...backOff(state, why, context), actions };
}

function backOff(state: StreamState, why: string, context: StreamContext): Transition {
  const attempt = 'attempt' in state ? state.attempt : 0;
  const timerMs = backoffMs(attempt, context.random);
  return { state: { kind: 'backing-off', attempt: attempt + 1, why }, actions: [], timerMs };
}

function onTimer(state: StreamState, context: StreamContext): Transition {
  switch (state.kind) {
    case 'connecting':
    case 'greeting':
      return onEnded(state, `no answer within ${welcomeTimeoutMs / 1000} s`, false, context);
    case 'holding':
      return snapshotAfter(0, { attempt: state.attempt, resyncs: state.resyncs });
    case 'backing-off':
      return dial(state.attempt);
    case 'refused':
      return dial(0);
    case 'streaming':
      return snapshotAfter(0, { attempt: 0, resyncs: 0 });
    case 'idle':
    case 'snapshotting':
    case 'stopped':
      return stay(state);
  }
}
