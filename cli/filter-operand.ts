/** The filter, target or source behind a verb: a bad one is found before anything is asked, and a misspelt name after it. */
import { FilterError } from '../query/filter-error.ts';
import type { Term } from '../query/syntax.ts';
import { usageFailure } from './exit.ts';
import { plainText } from './format/plain-text.ts';
import { type CliIo, note } from './io.ts';

/** Runs a parser of query/. Throws a usage failure that says where the text is wrong. @param what `filter`, `target` ... */
export function checked<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FilterError) throw usageFailure(`bad ${what}: ${plainText(error.message)}`);
    throw error;
  }
}

/** After an empty answer about a name: where names are found. */
export function noteNames(io: CliIo, term: Term): void {
  if (term.kind !== 'name' && term.kind !== 'named-port') return;
  note(io, '"whotalks services" and "whotalks hosts" list the names');
}
