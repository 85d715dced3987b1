/** Where the person is: the query, the view and the selection, and their form in the address bar. */

/** Views of one query. The matrix and the timeline join here. */
export const views = ['map', 'table'] as const;
export type View = (typeof views)[number];

export const sortKeys = ['client', 'server', 'state', 'opened', 'seen'] as const;
export type SortKey = (typeof sortKeys)[number];

export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

export type Selection =
  | { readonly kind: 'service'; readonly name: string }
  | { readonly kind: 'edge'; readonly client: string; readonly server: string }
  | { readonly kind: 'connection'; readonly id: string };

export interface Place {
  /** Filter or target as typed; empty = the whole fleet. */
  readonly query: string;
  readonly view: View;
  readonly sort: Sort;
  readonly selection: Selection | null;
}

const defaultSort: Sort = { key: 'opened', descending: true };

/** Reads the `?…` part of an address. Anything it does not know falls back to the default, never to an error. */
export function parsePlace(search: string): Place {
  const params = new URLSearchParams(search);
  const view = views.find((known) => known === params.get('view')) ?? 'map';
  return {
    query: params.get('q') ?? '',
    view,
    sort: parseSort(params.get('sort')),
    selection: parseSelection(params),
  };
}

/** The reverse of parsePlace; defaults are left out. Empty for the first screen. */
export function formatPlace(place: Place): string {
  const params = new URLSearchParams();
  if (place.query !== '') params.set('q', place.query);
  if (place.view !== 'map') params.set('view', place.view);
  if (formatSort(place.sort) !== formatSort(defaultSort)) params.set('sort', formatSort(place.sort));
  const { selection } = place;
  if (selection?.kind === 'service') params.set('service', selection.name);
  if (selection?.kind === 'connection') params.set('connection', selection.id);
  if (selection?.kind === 'edge') {
    params.set('client', selection.client);
    params.set('server', selection.server);
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

function parseSelection(params: URLSearchParams): Selection | null {
  const name = params.get('service');
  if (name !== null) return { kind: 'service', name };
  const id = params.get('connection');
  if (id !== null) return { kind: 'connection', id };
  const client = params.get('client');
  const server = params.get('server');
  return client === null || server === null ? null : { kind: 'edge', client, server };
}

/** `-opened` is descending. */
function parseSort(text: string | null): Sort {
  const key = sortKeys.find((known) => known === text?.replace(/^-/, ''));
  return key === undefined ? defaultSort : { key, descending: text!.startsWith('-') };
}

function formatSort(sort: Sort): string {
  return sort.descending ? `-${sort.key}` : sort.key;
}
