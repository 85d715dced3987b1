/** What kind of question a query is: the ones about a single target have an answer in one sentence of the aggregator's. */

export type Question =
  /** Who talks to `target`? */
  | { readonly kind: 'to'; readonly target: string }
  /** Whom does `source` talk to? */
  | { readonly kind: 'from'; readonly source: string }
  /** Everything, or a composite filter: answered in counts. */
  | { readonly kind: 'filter' };

/**
 * A single bare word is asked as a target. Whether it is one only the aggregator can tell, so its refusal of a
 * target is no error of the query.
 */
export function questionOf(query: string): Question {
  const match = /^(?:(to|from)\s+)?([^\s()=!~<>"]+)$/i.exec(query.trim());
  if (match === null) return { kind: 'filter' };
  const target = match[2]!;
  if (/^(and|or|not|to|from)$/i.test(target)) return { kind: 'filter' };
  return match[1]?.toLowerCase() === 'from' ? { kind: 'from', source: target } : { kind: 'to', target };
}
