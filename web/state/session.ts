/** The page's state as signals, and the only actions that change it. */
import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals';
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

interface State {
  readonly place: Signal<Place>;
  readonly answer: Signal<Answer | null>;
  readonly reach: Signal<Reach>;
  readonly complaint: Signal<Complaint | null>;
  readonly paused: Signal<boolean>;
}

/** Lives as long as the page: it follows the address bar from now on. */
export function createSession(api: Api): Session {
  const state: State = {
    place: signal(parsePlace(location.search)),
    answer: signal(null),
    reach: signal({ kind: 'asking' }),
    complaint: signal(null),
    paused: signal(false),
  };
  const { place } = state;
  const refresh = createRefresh(api, state);
  const go = (next: Place, how: 'pushState' | 'replaceState'): void => {
    history[how](null, '', `${location.pathname}${formatPlace(next)}`);
    place.value = next;
  };
  addEventListener('popstate', () => {
    const before = place.value.query;
    place.value = parsePlace(location.search);
    if (place.value.query !== before) void refresh();
  });
  return {
    ...state,
    refresh,
    ask: (query) => {
      go({ ...place.value, query: query.trim(), selection: null }, 'pushState');
      void refresh();
    },
    show: (view) => go({ ...place.value, view }, 'pushState'),
    sortBy: (sort) => go({ ...place.value, sort }, 'replaceState'),
    select: (selection) => go({ ...place.value, selection }, 'replaceState'),
    setPaused: (value) => {
      state.paused.value = value;
    },
  };
}

/** The function that asks for the current query and puts the outcome into `state`. A later call overtakes an earlier. */
function createRefresh(api: Api, state: State): () => Promise<void> {
  let asking: AbortController | null = null;
  return async () => {
    asking?.abort();
    asking = new AbortController();
    const mine = asking.signal;
    const { query } = state.place.value;
    try {
      const next = await gatherAnswer(api, query, mine);
      if (mine.aborted) return;
      batch(() => {
        state.answer.value = next;
        state.reach.value = { kind: 'here' };
        state.complaint.value = null;
      });
    } catch (error) {
      if (mine.aborted) return;
      tellFailure(state, query, error);
      // A link with a bad filter still opens on something true: the whole fleet, under the complaint.
      if (state.complaint.value === null || state.answer.value !== null) return;
      const fleet = await gatherAnswer(api, '', mine).catch(() => null);
      if (!mine.aborted) state.answer.value = fleet;
    }
  };
}

/** The last answer stays: one of which a document is missing would not be the picture of one moment. */
function tellFailure({ complaint, reach }: State, query: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  batch(() => {
    if (error instanceof Refused) {
      complaint.value = { query, message, column: error.column };
      reach.value = { kind: 'here' };
    } else {
      const sinceMs = reach.value.kind === 'away' ? reach.value.sinceMs : Date.now();
      reach.value = { kind: 'away', sinceMs, reason: message };
    }
  });
}
