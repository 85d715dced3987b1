/** A watch stream, whatever carries it: subscribes to the live view and hands documents on as fast as they are taken. */
import type { WatchDocument } from '../../model/document.ts';
import { parseFilter } from '../../query/parser.ts';
import { formatTime } from './documents.ts';
import type { FleetView } from './fleet-view.ts';
import type { AnswerRequest } from './request.ts';
import { eventDocument, watchDocument } from './watch-document.ts';
import { WatchQueue } from './watch-queue.ts';

/** Watchers of one aggregator at a time, over gRPC and HTTP together. */
export const watchersMax = 256;

/** No more watchers are taken. */
export class TooManyWatchers extends Error {
  override readonly name = 'TooManyWatchers';

  constructor() {
    super(`${watchersMax} watchers already`);
  }
}

/** Where documents go. */
export interface WatchSink {
  /** Returns false when it wants no more until resume() is called. */
  write(document: WatchDocument): boolean;
}

export interface WatchFeed {
  /** The sink takes documents again. */
  resume(): void;
  /** Idempotent. */
  close(): void;
}

/** The watchers of one aggregator, with what `/metrics` shows of them. */
export class Watchers {
  readonly #view: FleetView;
  #open = 0;
  /** Documents left out because a watcher was too slow. */
  missedTotal = 0;
  /** Watchers turned away at watchersMax. */
  refusedTotal = 0;

  constructor(view: FleetView) {
    this.#view = view;
  }

  get open(): number {
    return this.#open;
  }

  /** Begins with a `started` document. Throws FilterError, and TooManyWatchers. */
  start(request: AnswerRequest, now: number, sink: WatchSink): WatchFeed {
    const selection = { filter: parseFilter(request.q), realm: request.realm };
    if (this.#open >= watchersMax) {
      this.refusedTotal += 1;
      throw new TooManyWatchers();
    }
    this.#open += 1;
    const queue = new WatchQueue();
    let isWritable = true;
    const flush = (): void => {
      while (isWritable) {
        const document = queue.take();
        if (document === null) return;
        isWritable = sink.write(document);
      }
    };
    queue.push(watchDocument('started', formatTime(now)));
    const unsubscribe = this.#view.subscribe((event) => {
      const document = eventDocument(event, selection);
      if (document === null) return;
      if (!queue.push(document)) this.missedTotal += 1;
      flush();
    });
    flush();
    return {
      resume: () => {
        isWritable = true;
        flush();
      },
      close: this.#closer(unsubscribe),
    };
  }

  #closer(unsubscribe: () => void): () => void {
    let isClosed = false;
    return () => {
      if (isClosed) return;
      isClosed = true;
      this.#open -= 1;
      unsubscribe();
    };
  }
}
