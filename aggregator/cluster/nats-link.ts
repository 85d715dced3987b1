/**
 * Keeps one connection to NATS with a stream behind it, for ever: it comes back after any absence, at start too.
 *
 * The link is `connected` only when events can be stored: a server that answers without JetStream is `disconnected`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { ensureStream } from './nats-stream.ts';

/** Between two attempts to reach a server or its JetStream. */
const attemptEveryMs = 1_000;
/** A server that stays silent this long is given up, for connecting and for every JetStream request. */
const requestTimeoutMs = 5_000;
const pingIntervalMs = 10_000;
/** Unanswered pings after which the connection counts as dead. */
const pingsUnansweredMax = 2;

export type LinkState =
  | { readonly state: 'disconnected'; readonly since: number; readonly error: string }
  | { readonly state: 'connected'; readonly since: number; readonly error: string | null }
  | { readonly state: 'closed'; readonly since: number };

export type LinkEvent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'lost'; readonly error: string }
  /** The stream refused an event, or (null) takes events again. */
  | { readonly kind: 'answered'; readonly error: string | null }
  | { readonly kind: 'closed' };

/** The only place where the state changes; returns the same object when nothing became different. */
export function transition(from: LinkState, event: LinkEvent, nowMs: number): LinkState {
  if (from.state === 'closed') return from;
  switch (event.kind) {
    case 'ready':
      return from.state === 'connected' ? from : { state: 'connected', since: nowMs, error: null };
    case 'lost':
      if (from.state === 'connected') return { state: 'disconnected', since: nowMs, error: event.error };
      return from.error === event.error ? from : { ...from, error: event.error };
    case 'answered':
      return from.state !== 'connected' || from.error === event.error
        ? from
        : { ...from, error: event.error };
    case 'closed':
      return { state: 'closed', since: nowMs };
  }
}

export interface LinkOptions {
  readonly servers: readonly string[];
  readonly streamMaxBytes: number;
  /** Unix ms. */
  readonly now: () => number;
  readonly onTransition: (state: LinkState, before: LinkState) => void;
}

export class NatsLink {
  readonly #options: LinkOptions;
  readonly #ending = new AbortController();
  readonly #waiters = new Set<() => void>();
  #state: LinkState;
  #connection: NatsConnection | null = null;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#state = {
      state: 'disconnected',
      since: options.now(),
      error: `not yet connected to ${options.servers.join(', ')}`,
    };
    void this.#run();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Resolves while connected; rejects once closed. */
  async ready(): Promise<void> {
    while (this.#state.state === 'disconnected') {
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
    if (this.#state.state === 'closed') throw new Error('the bus is closed');
  }

  /** null while disconnected. */
  client(): JetStreamClient | null {
    if (this.#state.state !== 'connected' || this.#connection === null) return null;
    return jetstream(this.#connection, { timeout: requestTimeoutMs });
  }

  apply(event: LinkEvent): void {
    const before = this.#state;
    this.#state = transition(before, event, this.#options.now());
    if (this.#state === before) return;
    this.#options.onTransition(this.#state, before);
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }

  /** The stream is not where it was: it is made again before anything else is sent. */
  async prepareAgain(error: string): Promise<void> {
    if (this.#state.state !== 'connected' || this.#connection === null) return;
    this.apply({ kind: 'lost', error });
    await this.#prepare(this.#connection);
  }

  async close(): Promise<void> {
    this.apply({ kind: 'closed' });
    this.#ending.abort();
    await this.#connection?.close();
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        const connection = await this.#connect();
        // Reconnecting is the client's own work from here on; it ends only by close().
        await this.#watch(connection);
      } catch (error) {
        this.apply({ kind: 'lost', error: oneLine(error) });
      }
      await this.#pause();
    }
  }

  async #connect(): Promise<NatsConnection> {
    const connection = await connect({
      servers: [...this.#options.servers],
      name: 'whotalks aggregator',
      timeout: requestTimeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: attemptEveryMs,
      ignoreAuthErrorAbort: true,
      pingInterval: pingIntervalMs,
      maxPingOut: pingsUnansweredMax,
    });
    if (this.#ending.signal.aborted) await connection.close();
    this.#connection = connection;
    return connection;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    const statuses = connection.status();
    void this.#prepare(connection);
    for await (const status of statuses) {
      if (status.type === 'disconnect')
        this.apply({ kind: 'lost', error: `lost the connection to ${status.server}` });
      else if (status.type === 'error') this.apply({ kind: 'answered', error: oneLine(status.error) });
      else if (status.type === 'reconnect') void this.#prepare(connection);
    }
    this.#connection = null;
  }

  /** Makes sure of the stream, and repeats that while the server is there but cannot do it. */
  async #prepare(connection: NatsConnection): Promise<void> {
    while (!connection.isClosed()) {
      try {
        const manager = await jetstreamManager(connection, { timeout: requestTimeoutMs });
        await ensureStream(manager, this.#options.streamMaxBytes);
        this.apply({ kind: 'ready' });
        return;
      } catch (error) {
        this.apply({ kind: 'lost', error: oneLine(error) });
        await this.#pause();
      }
    }
  }

  async #pause(): Promise<void> {
    await sleep(attemptEveryMs, undefined, { signal: this.#ending.signal, ref: false }).catch(() => {});
  }
}

/** The words of an error with those of its cause, on one line. */
export function oneLine(error: unknown): string {
  const words: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each.message !== '' && !words.includes(each.message)) words.push(each.message);
  }
  return (words.join(': ') || String(error)).replaceAll(/\s+/g, ' ');
}
