/** The other end of a stream as a session sees it: what it may be told, and why it may be sent away. */
import type { ServerSaying } from '../../wire/server-message.ts';

/** Why the aggregator ends a stream. */
export type EndCode =
  /** Not a message, or not in this order. */
  | 'bad-stream'
  /** Another protocol version. */
  | 'wrong-version'
  | 'duplicate'
  | 'full'
  | 'superseded'
  | 'no-hello'
  /** Another host than the certificate says. */
  | 'wrong-host'
  /** Banned, or without a certificate that is good still. */
  | 'shut-out'
  | 'stopping';

/** The agent's end of the stream. */
export interface Peer {
  /** The one host that its certificate lets it report as; null or absent = any. */
  readonly speaksFor?: string | null;
  say(saying: ServerSaying): void;
  end(code: EndCode, reason: string): void;
}
