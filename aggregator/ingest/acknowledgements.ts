/**
 * What an agent is told of the messages that were taken: applied, which opens its send window, and durable, which lets it forget.
 *
 * Without a journal both are one, and told at once. With one, durable follows with the commit a moment later, and as an agent
 * sends about a message a second, both are told together then; before, only when much was taken meanwhile.
 */
import type { ServerSaying } from '../../wire/server-message.ts';
import type { IngestJournal } from './ingest-journal.ts';

/** Messages, and their bytes, that are taken and not told: an eighth of the agent's window. */
const untoldMessagesMax = 8;
const untoldBytesMax = 1 << 17;

export class Acknowledgements {
  readonly #say: (saying: ServerSaying) => void;
  readonly #journal: IngestJournal | null;
  #appliedSeq = 0;
  #durableSeq = 0;
  #untoldMessages = 0;
  #untoldBytes = 0;
  /** Of the message that is being taken. */
  #bytes = 0;

  constructor(say: (saying: ServerSaying) => void, journal: IngestJournal | null) {
    this.#say = say;
    this.#journal = journal;
  }

  /** A message of that length is about to be taken. */
  received(bytes: number): void {
    this.#bytes = bytes;
  }

  /** All up to `seq` took effect. @param isAwaited the agent has to know at once */
  applied(seq: number, isAwaited = false): void {
    this.#appliedSeq = seq;
    if (this.#journal === null) this.#durableSeq = seq;
    this.#untoldMessages++;
    this.#untoldBytes += this.#bytes;
    const isLittle = this.#untoldMessages < untoldMessagesMax && this.#untoldBytes < untoldBytesMax;
    if (this.#journal?.isWriting !== true || !isLittle || isAwaited) this.tell();
  }

  /** A part of a snapshot was taken, which takes effect with the rest: told at once, so that the window goes on. */
  taken(seq: number): void {
    this.#appliedSeq = seq;
    this.tell();
  }

  /** @param durableSeq null = nothing new is durable, since the journal does not write */
  committed(durableSeq: number | null): void {
    const isNew = durableSeq !== null && durableSeq > this.#durableSeq;
    if (isNew) this.#durableSeq = durableSeq;
    if (isNew || this.#untoldMessages > 0) this.tell();
  }

  /** Asks for a snapshot. The agent must know by then what was taken, or it thinks of a snapshot that is on its way. */
  askForSnapshot(reason: string): void {
    if (this.#untoldMessages > 0) this.tell();
    this.#say({ kind: 'resync', reason });
  }

  /** Tells both as they are, also where that is nothing new. */
  tell(): void {
    this.#untoldMessages = 0;
    this.#untoldBytes = 0;
    this.#say({ kind: 'ack', appliedSeq: this.#appliedSeq, durableSeq: this.#durableSeq });
  }
}
