/** The one error of the filter language: where the text stops making sense, and what would have been understood there. */

export class FilterError extends Error {
  override readonly name = 'FilterError';
  /** 1-based, in UTF-16 units; one past the end when the text ended too early. */
  readonly column: number;
  /** What was expected at the column, such as `a closing parenthesis`. */
  readonly expected: string;

  /** @param found what stands there instead, as a person would name it. */
  constructor(column: number, expected: string, found: string) {
    super(`${found} at column ${column}; expected ${expected}`);
    this.column = column;
    this.expected = expected;
  }
}

/** Longest piece of a filter that a message repeats. */
const shownLengthMax = 40;

/** A piece of the filter in quotes, for a message: escaped, and cut when it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text);
}
