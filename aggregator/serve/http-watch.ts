/** `GET /api/v1/watch`: the watch stream as server-sent events, one document per event. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WatchDocument } from '../../model/document.ts';
import type { Refusal } from '../security/refusal.ts';
import type { HttpGuard } from './http-guard.ts';
import type { AnswerRequest } from './request.ts';
import type { Watchers, WatchFeed, WatchSink } from './watch-feed.ts';

/** How often a silent stream says that it lives, so that proxies keep it and readers notice its end. */
export const keepAliveIntervalMs = 15_000;

/** The text of each document, made once for all streams that carry it. */
export class EventTexts {
  readonly #texts = new WeakMap<WatchDocument, string>();

  of(document: WatchDocument): string {
    const known = this.#texts.get(document);
    if (known !== undefined) return known;
    const text = `data: ${JSON.stringify(document)}\n\n`;
    this.#texts.set(document, text);
    return text;
  }
}

export interface HttpWatchOptions {
  readonly watchers: Watchers;
  /** Unix milliseconds. */
  readonly clock: () => number;
  readonly login: { readonly guard: Pick<HttpGuard, 'sightOf' | 'hold'> };
}

/**
 * Throws what Watchers.start throws, before anything is sent. The stream ends with the token that opened it: the reader asks
 * again, and is told why.
 * @returns why there may be no further stream, before anything is sent either
 */
export function streamWatch(
  { watchers, clock, login: { guard } }: HttpWatchOptions,
  texts: EventTexts,
  query: AnswerRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Refusal | null {
  const { raw } = reply;
  const hold = guard.hold(request, () => raw.destroy());
  if (hold.kind === 'refused') return hold.refusal;
  try {
    carry(request, reply, texts, (sink) => watchers.start(query, clock(), guard.sightOf(request), sink));
  } catch (error) {
    hold.release();
    throw error;
  }
  raw.on('close', hold.release);
  return null;
}

function carry(
  request: FastifyRequest,
  reply: FastifyReply,
  texts: EventTexts,
  start: (sink: WatchSink) => WatchFeed,
): void {
  const { raw } = reply;
  const waiting: WatchDocument[] = [];
  let write = (document: WatchDocument): boolean => {
    waiting.push(document);
    return true;
  };
  const feed = start({ write: (document) => write(document) });
  reply.hijack();
  raw.writeHead(200, {
    ...securityHeaders(reply),
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
  });
  write = (document) => raw.write(texts.of(document));
  for (const document of waiting) write(document);
  const keepAlive = setInterval(() => raw.write(': alive\n\n'), keepAliveIntervalMs);
  const close = (): void => {
    clearInterval(keepAlive);
    feed.close();
  };
  raw.on('drain', () => feed.resume());
  raw.on('error', close);
  request.raw.on('close', close);
  raw.on('close', close);
}

/** Headers that a hook has set; a hijacked reply does not send them by itself. */
function securityHeaders(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
}
