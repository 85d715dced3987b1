/** Keys that work anywhere on the page. Views add their own on their own elements. */
import type { View } from '../state/place.ts';

export interface KeyActions {
  search(): void;
  show(view: View): void;
  back(): void;
  help(): void;
}

/** What `?` lists, in this order. */
export const keyWords = [
  ['/', 'search'],
  ['g m', 'map'],
  ['g t', 'table'],
  ['← → ↑ ↓', 'walk the map'],
  ['Enter', 'evidence of what has the focus'],
  ['Esc', 'close, back to the query'],
  ['?', 'this list'],
] as const;

const viewKeys: Readonly<Record<string, View>> = { m: 'map', t: 'table' };

/** Returns the function that removes them. */
export function installKeys(actions: KeyActions): () => void {
  let leader = false;
  const onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    const isTyping = target.matches('input, textarea, select');
    if (event.key === 'Escape') {
      if (isTyping) target.blur();
      else actions.back();
      return;
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const view = leader ? viewKeys[event.key] : undefined;
    leader = event.key === 'g';
    if (view !== undefined) actions.show(view);
    else if (event.key === '/') actions.search();
    else if (event.key === '?') actions.help();
    else return;
    event.preventDefault();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}
