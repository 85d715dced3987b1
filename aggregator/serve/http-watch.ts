/** `GET /api/v1/watch`: the watch stream as server-sent events, one document per event. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WatchDocument } from '../../model/document.ts';
import type { AnswerRequest } from './request.ts';
import type { Watchers, WatchFeed } from './watch-feed.ts';

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

/** Throws what Watchers.start throws, before anything is sent. */
export function streamWatch(
  watchers: Watchers,
  texts: EventTexts,
  query: AnswerRequest,
  now: number,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { raw } = reply;
  const waiting: WatchDocument[] = [];
  let write = (document: WatchDocument): boolean => {
    waiting.push(document);
    return true;
  };
  const feed: WatchFeed = watchers.start(query, now, { write: (document) => write(document) });
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
