/** The page's state as signals, and the only actions that change it. */
import { batch, type ReadonlySignal, signal } from '@preact/signals';
import { type Api, Refused } from '../api/client.ts';
import { type Answer, gatherAnswer } from './answer.ts';
import { formatPlace, type Place, parsePlace, type Selection, type Sort, type View } from './place.ts';

/** Whether the aggregator answers. */
export type Reach =
  | { readonly kind: 'asking' }
  | { readonly kind: 'here' }
  | { readonly kind: 'away'; readonly sinceMs: number; readonly reason: string };

/** Why the query in the box has no answer. */
export interface Complaint {
  readonly query: string;
  readonly message: string;
  readonly column: number | null;
}

export interface Session {
  readonly place: ReadonlySignal<Place>;
  /** The last answer that arrived; it stays when a later question fails. */
  readonly answer: ReadonlySignal<Answer | null>;
  readonly reach: ReadonlySignal<Reach>;
  readonly complaint: ReadonlySignal<Complaint | null>;
  readonly paused: ReadonlySignal<boolean>;
  /** Puts a new question. */
  ask(query: string): void;
  /** Puts the same question again. Never rejects: what went wrong is in `reach` or `complaint`. */
  refresh(): Promise<void>;
  show(view: View): void;
  sortBy(sort: Sort): void;
  select(selection: Selection | null): void;
  setPaused(paused: boolean): void;
}

export function createSession(api: Api): Session {
  const place = signal(parsePlace(location.search));
  const answer = signal<Answer | null>(null);
  const reach = signal<Reach>({ kind: 'asking' });
  const complaint = signal<Complaint | null>(null);
  const paused = signal(false);
  let asking: AbortController | null = null;

  const refresh = async (): Promise<void> => {
    asking?.abort();
    asking = new AbortController();
    const mine = asking.signal;
    const { query } = place.value;
    try {
      const next = await gatherAnswer(api, query, mine);
      if (mine.aborted) return;
      batch(() => {
        answer.value = next;
        reach.value = { kind: 'here' };
        complaint.value = null;
      });
    } catch (error) {
      if (!mine.aborted) await fail(query, error, mine);
    }
  };
  const fail = async (query: string, error: unknown, mine: AbortSignal): Promise<void> => {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof Refused) {
      batch(() => {
        complaint.value = { query, message, column: error.column };
        reach.value = { kind: 'here' };
      });
      // A link with a bad filter still opens on something true: the whole fleet, under the complaint.
      if (answer.value === null) answer.value = await gatherAnswer(api, '', mine).catch(() => null);
      return;
    }
    // An answer that one of the four documents failed is no answer: the picture stays that of one moment.
    const since = reach.value.kind === 'away' ? reach.value.sinceMs : Date.now();
    reach.value = { kind: 'away', sinceMs: since, reason: message };
  };
  const go = (next: Place, how: 'push' | 'replace'): void => {
    const address = `${location.pathname}${formatPlace(next)}`;
    if (how === 'push') history.pushState(null, '', address);
    else history.replaceState(null, '', address);
    place.value = next;
  };
  addEventListener('popstate', () => {
    const before = place.value.query;
    place.value = parsePlace(location.search);
    if (place.value.query !== before) void refresh();
  });
  return {
    place,
    answer,
    reach,
    complaint,
    paused,
    refresh,
    ask: (query) => {
      go({ ...place.value, query: query.trim(), selection: null }, 'push');
      void refresh();
    },
    show: (view) => go({ ...place.value, view }, 'push'),
    sortBy: (sort) => go({ ...place.value, sort }, 'replace'),
    select: (selection) => go({ ...place.value, selection }, 'replace'),
    setPaused: (value) => {
      paused.value = value;
    },
  };
}
