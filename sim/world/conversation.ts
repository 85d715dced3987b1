/** The life of one conversation over TCP or UDP, as both kernels go through it. */
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { TrueSocket } from './true-socket.ts';

export interface ConversationPlan {
  /** From one kernel to the other. */
  readonly delayMs: number;
  /** How long the server's connection waits to be accepted. */
  readonly queuedMs: number;
  /** From the handshake to the first end's close. */
  readonly lifeMs: number;
  /** Who closes first. */
  readonly closer: 'client' | 'server';
  /** The other end closes so long after it has heard; null = the closer resets it. */
  readonly answeredMs: number | null;
  /** How long the closer's kernel remembers it. */
  readonly timeWaitMs: number;
}

export interface Conversation {
  readonly number: number;
  readonly plan: ConversationPlan;
  readonly client: TrueSocket | null;
  /** null where nobody looks at the far end, or until the handshake comes there. */
  server: TrueSocket | null;
  /** Names of the services. */
  readonly names: { readonly client: string; readonly server: string };
  /** When both ends were open; null = not yet. */
  establishedMs: number | null;
  closesAtMs: number | null;
}

/** What the world does for a conversation. */
export interface ConversationParts {
  readonly time: SimulatedTime;
  /** Takes it out of its kernel's table. */
  readonly vanish: (socket: TrueSocket) => void;
}

/** Closes it: FIN and all that follows, or a reset. */
export function closeConversation(conversation: Conversation, parts: ConversationParts): void {
  const { time, vanish } = parts;
  const { plan, client, server } = conversation;
  const [closer, other] = plan.closer === 'client' ? [client, server] : [server, client];
  const isTcp = (closer ?? other)!.identity.protocol === 'tcp';
  if (plan.answeredMs === null || !isTcp) {
    for (const socket of [client, server]) if (socket !== null) vanish(socket);
    return;
  }
  const { delayMs, answeredMs, timeWaitMs } = plan;
  closer?.orphan('fin-wait-1', time.nowMs);
  time.after(delayMs, () => {
    closer?.orphan('fin-wait-2', time.nowMs);
    if (other?.isThere === true) other.become('close-wait');
  });
  time.after(delayMs + answeredMs, () => {
    other?.orphan('last-ack', time.nowMs);
    closer?.orphan('time-wait', time.nowMs);
  });
  time.after(2 * delayMs + answeredMs, () => {
    if (other !== null) vanish(other);
  });
  time.after(delayMs + answeredMs + timeWaitMs, () => {
    if (closer !== null) vanish(closer);
  });
}
