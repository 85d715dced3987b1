/** The page's state as signals, and the only actions that change it. */
import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { type Api, Locked, Refused } from '../api/client.ts';
import type { Login, Who } from '../api/login.ts';
import { type Answer, gatherAnswer } from './answer.ts';
import { formatPlace, type Place, parsePlace, type Selection, type Sort, type View } from './place.ts';

/** Whether the aggregator answers. */
export type Reach =
  | { readonly kind: 'asking' }
  | { readonly kind: 'here' }
  /** It wants to know who asks. `reason`: why whoever was logged in is not any more; null = nobody was. */
  | { readonly kind: 'locked'; readonly reason: string | null }
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
  /** Who is logged in; null where nobody is, or nobody has to be. */
  readonly who: ReadonlySignal<Who | null>;
  /** Puts a new question. */
  ask(query: string): void;
  /** Puts the same question again. Never rejects: what went wrong is in `reach` or `complaint`. */
  refresh(): Promise<void>;
  show(view: View): void;
  sortBy(sort: Sort): void;
  select(selection: Selection | null): void;
  setPaused(paused: boolean): void;
  /** Never rejects. @returns why the token is refused; null = it is not */
  login(token: string): Promise<string | null>;
  logout(): Promise<void>;
}

interface State {
  readonly place: Signal<Place>;
  readonly answer: Signal<Answer | null>;
  readonly reach: Signal<Reach>;
  readonly complaint: Signal<Complaint | null>;
  readonly paused: Signal<boolean>;
  readonly who: Signal<Who | null>;
}

/** Lives as long as the page: it follows the address bar from now on. */
export function createSession(api: Api, login: Login): Session {
  const state: State = {
    place: signal(parsePlace(location.search)),
    answer: signal(null),
    reach: signal({ kind: 'asking' }),
    complaint: signal(null),
    paused: signal(false),
    who: signal(null),
  };
  const { place } = state;
  const { refresh, forget } = createRefresh(api, state);
  void login.who().then((who) => {
    state.who.value = who;
  });
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
      // What is held is what stands. A question that was not answered yet is.
      if (value && state.answer.value?.query === place.value.query) forget();
    },
    login: async (token) => {
      const outcome = await login.login(token);
      if (outcome.kind === 'refused') return outcome.reason;
      state.who.value = outcome.who;
      await refresh();
      return null;
    },
    logout: async () => {
      forget();
      await login.logout();
      forget();
      lock(state, null);
    },
  };
}

interface Refresh {
  /** Asks for the current query and puts the outcome into `state`. A later call overtakes an earlier. */
  readonly refresh: () => Promise<void>;
  /** Whatever is asked for now comes too late. */
  readonly forget: () => void;
}

function createRefresh(api: Api, state: State): Refresh {
  let asking: AbortController | null = null;
  const forget = (): void => asking?.abort();
  const refresh = async (): Promise<void> => {
    forget();
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
  return { refresh, forget };
}

/** The last answer stays: one of which a document is missing would not be the picture of one moment. */
function tellFailure(state: State, query: string, error: unknown): void {
  const { complaint, reach } = state;
  const message = error instanceof Error ? error.message : String(error);
  batch(() => {
    if (error instanceof Locked) {
      lock(state, state.who.value === null ? null : message);
    } else if (error instanceof Refused) {
      complaint.value = { query, message, column: error.column };
      reach.value = { kind: 'here' };
    } else {
      const sinceMs = reach.value.kind === 'away' ? reach.value.sinceMs : Date.now();
      reach.value = { kind: 'away', sinceMs, reason: message };
    }
  });
}

/** Of what was answered nothing stays on the screen: whoever sits there next may be somebody else. */
function lock(state: State, reason: string | null): void {
  batch(() => {
    state.answer.value = null;
    state.complaint.value = null;
    state.who.value = null;
    // Asked again while it is locked already, the first reason stands.
    if (state.reach.value.kind !== 'locked') state.reach.value = { kind: 'locked', reason };
  });
}
