/**
 * One stream as it is served, whatever carries it: its messages go to a session when it is its turn, and its end to all
 * who have to know.
 *
 * What carries it is read message by message, and only in its turn. What is not read yet it keeps, a bounded number of
 * messages, and takes no more from the network meanwhile.
 */
import type { Cancel, Timers } from '../../model/timers.ts';
import type { Peer } from './peer.ts';
import { IngestSession, type SessionContext } from './session.ts';
import type { Lane, Turns } from './turns.ts';

/** What carries a stream: messages of the agent come out, and what the aggregator says goes in. */
export interface Carrier extends Peer {
  /** The message that has waited longest; null = none waits. */
  read(): Buffer | null;
  /** Messages that wait. */
  readonly waiting: number;
  /** Ends it, because this program failed on a message. */
  fail(reason: string): void;
}

/** What all streams of one aggregator share. */
export interface Serving {
  readonly context: SessionContext;
  readonly turns: Turns;
  readonly timers: Timers;
}

export class ServedStream {
  readonly session: IngestSession;
  readonly #carrier: Carrier;
  readonly #serving: Serving;
  readonly #lane: Lane;
  readonly #helloDeadline: Cancel;
  readonly #onEnd: () => void;

  constructor(carrier: Carrier, serving: Serving, onEnd: () => void) {
    const { context, timers } = serving;
    this.session = new IngestSession(carrier, context);
    this.#carrier = carrier;
    this.#serving = serving;
    this.#onEnd = onEnd;
    this.#lane = {
      takeNext: () => this.#takeNext(),
      get waiting() {
        return carrier.waiting;
      },
    };
    this.#helloDeadline = timers.after(context.limits.helloTimeoutMs, () => {
      if (this.session.state.kind === 'awaiting-hello') this.session.end('no-hello', 'no Hello came in time');
    });
  }

  /** A message has come. */
  arrived(): void {
    this.#serving.turns.join(this.#lane);
  }

  /** What carried it is gone. Idempotent. */
  ended(): void {
    this.#helloDeadline();
    this.session.close();
    this.#serving.turns.leave(this.#lane);
    this.#onEnd();
  }

  /** Of a session that is over, what came before its end and was not taken is passed over. */
  #takeNext(): boolean {
    const bytes = this.#carrier.read();
    if (bytes !== null) this.#receive(bytes);
    return this.#carrier.waiting > 0;
  }

  /** A fault of this program ends the one stream on which it showed: the agent comes back with a snapshot. */
  #receive(bytes: Buffer): void {
    try {
      this.session.receive(bytes);
    } catch (error) {
      const { counters, log } = this.#serving.context;
      counters.faults++;
      log.error({ err: error }, 'ingest failed on a message');
      this.session.close();
      this.#carrier.fail('the aggregator failed on a message; its log says why');
    }
  }
}
