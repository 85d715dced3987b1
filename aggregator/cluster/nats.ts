/**
 * The bus over NATS JetStream: every event is stored in the stream WHOTALKS, or counted as lost.
 *
 * Only an awaited acknowledgement counts as published. A publish that timed out may have been stored all the same, so
 * it is repeated under its own message id, which the server stores once.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import type { Bus, BusEvent, BusState } from './bus.ts';
import { Delivery, type Outcome, type Parcel, queuedEventsMax } from './delivery.ts';
import { type LinkState, NatsLink, oneLine } from './nats-link.ts';
import { encodeEvent, streamMaxBytes, streamName } from './nats-stream.ts';

/** How long close() waits for what is under way. */
const closeWaitMs = 2_000;

/** Between two attempts at one event while the server is there. */
const repeatAfterMs = 250;

export interface BusLog {
  info(line: string): void;
  warn(line: string): void;
}

export interface NatsBusOptions {
  /** `nats://host:port`, one or several of one cluster. */
  readonly servers: readonly string[];
  readonly log: BusLog;
  readonly now?: () => number;
  readonly streamMaxBytes?: number;
}

export class NatsBus implements Bus {
  readonly name = 'nats';
  /** Message ids are unique for this bus and this run. */
  readonly #run = randomUUID();
  readonly #log: BusLog;
  readonly #link: NatsLink;
  readonly #delivery: Delivery;
  #sequence = 0;
  #overflowing = false;

  constructor(options: NatsBusOptions) {
    this.#log = options.log;
    this.#delivery = new Delivery({
      deliver: (parcel) => this.#deliver(parcel),
      ready: () => this.#link.ready(),
    });
    this.#link = new NatsLink({
      servers: options.servers,
      streamMaxBytes: options.streamMaxBytes ?? streamMaxBytes,
      now: options.now ?? Date.now,
      onTransition: (state, before) => this.#tell(state, before),
    });
  }

  publish(event: BusEvent): void {
    const taken = this.#delivery.offer({ id: `${this.#run}-${++this.#sequence}`, ...encodeEvent(event) });
    if (!taken && !this.#overflowing && this.#link.state.state !== 'closed') {
      this.#log.warn(`nats: ${queuedEventsMax} events wait already, further ones are lost and counted`);
    }
    this.#overflowing = !taken;
  }

  /** The stream takes what is queued, also what is queued while it is away. */
  hasTakers(): boolean {
    return this.#link.state.state !== 'closed';
  }

  state(): BusState {
    const link = this.#link.state;
    const counts = this.#delivery.counts();
    if (link.state === 'closed')
      return { ...counts, state: 'disconnected', since: link.since, error: 'closed' };
    return { ...counts, state: link.state, since: link.since, error: link.error };
  }

  async close(): Promise<void> {
    if (this.#link.state.state === 'connected') {
      const waiting = new AbortController();
      await Promise.race([
        this.#delivery.idle(),
        sleep(closeWaitMs, undefined, { signal: waiting.signal }).catch(() => {}),
      ]);
      waiting.abort();
    }
    this.#delivery.end();
    await this.#link.close();
  }

  async #deliver({ id, subject, payload }: Parcel): Promise<Outcome> {
    const client = this.#link.client();
    if (client === null) return 'again';
    try {
      await client.publish(subject, payload, { msgID: id, expect: { streamName } });
      this.#link.apply({ kind: 'answered', error: null });
      return 'taken';
    } catch (error) {
      if (isRefusal(error)) {
        this.#link.apply({ kind: 'answered', error: `the stream refuses events: ${oneLine(error)}` });
        return 'refused';
      }
      // Nobody listens on the subject: the stream was deleted under us, or JetStream is off.
      if (hasNoResponders(error)) await this.#link.prepareAgain(oneLine(error));
      else await sleep(repeatAfterMs, undefined, { ref: false });
      return 'again';
    }
  }

  #tell(state: LinkState, before: LinkState): void {
    const { published, lost, queued } = this.#delivery.counts();
    const counts = `${published} events published, ${lost} lost, ${queued} queued`;
    if (state.state === 'closed') this.#log.info(`nats: closed: ${counts}`);
    else if (state.state === 'disconnected') this.#log.warn(`nats: disconnected: ${state.error}; ${counts}`);
    else if (state.error !== null) this.#log.warn(`nats: ${state.error}; ${counts}`);
    else if (before.state === 'connected') this.#log.info(`nats: the stream takes events again; ${counts}`);
    else this.#log.info(`nats: connected, publishing to stream ${streamName}; ${counts}`);
  }
}

/** Whether nothing on the server takes the subject. The jetstream package hides its own error for it, not the cause. */
function hasNoResponders(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof errors.RequestError && error.cause.isNoResponders();
}

/** Whether the server said no, which it would say again. Everything else is worth a repeat. */
function isRefusal(error: unknown): boolean {
  return error instanceof JetStreamApiError || error instanceof errors.InvalidArgumentError;
}
