/** A watch stream, whatever carries it: subscribes to the live view and hands documents on as fast as they are taken. */
import type { WatchDocument } from '../../model/document.ts';
import { parseFilter } from '../../query/parser.ts';
import type { Sight } from '../security/sight.ts';
import { formatTime } from './documents.ts';
import type { FleetEvent, FleetView } from './fleet-view.ts';
import type { Selection } from './inventory.ts';
import type { AnswerRequest } from './request.ts';
import { eventDocument, isSelected, watchDocument } from './watch-document.ts';
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

/** One watcher: what it asked for, and what it has not taken yet. */
interface Watcher {
  readonly selection: Selection;
  readonly sight: Sight;
  /** Returns whether there was room. */
  readonly push: (document: WatchDocument) => boolean;
}

/** The watchers of one aggregator, with what `/metrics` shows of them. */
export class Watchers {
  readonly #view: FleetView;
  readonly #watchers = new Set<Watcher>();
  #unsubscribe: () => void = () => undefined;
  /** Documents left out because a watcher was too slow. */
  missedTotal = 0;
  /** Watchers turned away at watchersMax. */
  refusedTotal = 0;

  constructor(view: FleetView) {
    this.#view = view;
  }

  get open(): number {
    return this.#watchers.size;
  }

  /** Begins with a `started` document. Throws FilterError, and TooManyWatchers. */
  start(request: AnswerRequest, now: number, sight: Sight, sink: WatchSink): WatchFeed {
    const selection = { filter: parseFilter(request.q), realm: request.realm };
    if (this.open >= watchersMax) {
      this.refusedTotal += 1;
      throw new TooManyWatchers();
    }
    const queue = new WatchQueue();
    let isWritable = true;
    const flush = (): void => {
      while (isWritable) {
        const document = queue.take();
        if (document === null) return;
        isWritable = sink.write(document);
      }
    };
    const push = (document: WatchDocument): boolean => {
      const isQueued = queue.push(document);
      flush();
      return isQueued;
    };
    push(watchDocument('started', formatTime(now)));
    const watcher = { selection, sight, push };
    if (this.open === 0) this.#unsubscribe = this.#view.subscribe((event) => this.#tell(event));
    this.#watchers.add(watcher);
    return {
      resume: () => {
        isWritable = true;
        flush();
      },
      close: () => {
        if (this.#watchers.delete(watcher) && this.open === 0) this.#unsubscribe();
      },
    };
  }

  /** All watchers who may see the same are told by one document: it is made once, and only when somebody asked for it. */
  #tell(event: FleetEvent): void {
    const documents = new Map<boolean, WatchDocument>();
    for (const { selection, sight, push } of this.#watchers) {
      if (!isSelected(event, selection)) continue;
      const document = documents.get(sight.cmdlines) ?? eventDocument(event, sight);
      documents.set(sight.cmdlines, document);
      if (!push(document)) this.missedTotal += 1;
    }
  }
}
