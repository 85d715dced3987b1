/** The filter, target or source behind a verb: a bad one is found before anything is asked. */
import { FilterError } from '../query/filter-error.ts';
import { usageFailure } from './exit.ts';
import { plainText } from './format/plain-text.ts';

/** Runs a parser of query/. Throws a usage failure that says where the text is wrong. @param what `filter`, `target` ... */
export function checked<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FilterError) throw usageFailure(`bad ${what}: ${plainText(error.message)}`);
    throw error;
  }
}
