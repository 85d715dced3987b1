/**
 * A command line as one line of text, with secrets hidden.
 *
 * Command lines carry passwords and tokens, and this one travels to everybody who may ask about a connection. So the
 * agent shows by allow-list: the program, the names of options, and values of a harmless shape (see redact-value). A
 * value that follows a name such as `--password` or `Authorization:` is hidden whatever its shape.
 */
import { hidden, redactAssignment, redactValue } from './redact-value.ts';
import { announcesSecret, isSecretName, takesSecret } from './secret-names.ts';

/** How command lines are shown: as they are, redacted, or not at all. */
export const cmdlineModes = ['full', 'redacted', 'none'] as const;

export type CmdlineMode = (typeof cmdlineModes)[number];

/** Arguments to one line, joined by spaces; null when there are none or they are not to be shown. */
export function formatCmdline(args: readonly string[], mode: CmdlineMode): string | null {
  if (mode === 'none' || args.length === 0) return null;
  return mode === 'full' ? args.join(' ') : redactCmdline(args);
}

/** Every argument shown as far as it is harmless. */
export function redactCmdline(args: readonly string[]): string {
  const [first = '', ...rest] = args;
  // A process that rewrote its title (`postgres: writer process`) has all of it in the first argument.
  const [title = '', ...titleWords] = first.split(/\s+/);
  const program = title.slice(title.lastIndexOf('/') + 1);
  const line = new RedactedLine(program);
  line.append(/^[\w./+:@-]+$/.test(title) && !/:.*@/.test(title) ? title : redactValue(title));
  line.appendWords(titleWords);
  for (const arg of rest) line.appendWords(arg.split(/\s+/));
  return line.text;
}

/** How much of what follows is hidden because of the word before. */
type Hiding = 'nothing' | 'next-word' | 'rest-of-argument';

class RedactedLine {
  readonly #program: string;
  readonly #words: string[] = [];
  #hiding: Hiding = 'nothing';

  constructor(program: string) {
    this.#program = program;
  }

  get text(): string {
    return this.#words.join(' ');
  }

  append(word: string): void {
    this.#words.push(word);
  }

  /** The words of one argument: several when it is a script, a header or a list. */
  appendWords(words: readonly string[]): void {
    if (this.#hiding === 'next-word' && !isOption(words[0]!)) {
      this.#hide(words.length === 1 ? words[0]! : hidden);
      return;
    }
    const isQuoted = words.length > 1 && words.some((word) => /["'`]/.test(word));
    for (const word of words) {
      if (word !== '') this.#appendWord(word);
      // A quoted secret may have spaces, and where it ends is the shell's business: nothing after it is shown.
      if (isQuoted && this.#hiding === 'next-word') this.#hiding = 'rest-of-argument';
    }
    if (this.#hiding === 'rest-of-argument') this.#hiding = isTrailing(words) ? 'next-word' : 'nothing';
  }

  #appendWord(word: string): void {
    if (this.#hiding === 'rest-of-argument') this.append(hidden);
    else if (this.#hiding === 'next-word' && !isOption(word)) this.#hide(word);
    else if (isOption(word)) this.#appendOption(word);
    else this.#appendPlain(word);
  }

  #hide(word: string): void {
    this.append(hidden);
    // `Authorization Bearer TOKEN`: the scheme is hidden, and what it announces as well.
    this.#hiding = announcesSecret(word) ? 'next-word' : 'nothing';
  }

  #appendPlain(word: string): void {
    const header = /^["']?([\w-]+):$/.exec(word);
    if (header !== null && isSecretName(header[1]!)) {
      this.append(`${header[1]}:`);
      this.#hiding = 'rest-of-argument';
      return;
    }
    const isQuotedSecret = /^[\w.-]+=["']/.test(word) && isSecretName(word.slice(0, word.indexOf('=')));
    this.append(redactValue(word));
    this.#hiding = announcesSecret(word) || isQuotedSecret ? 'next-word' : 'nothing';
  }

  /** `--name`, `--name=value`, `-x`, `-xVALUE`, `-longname`. */
  #appendOption(word: string): void {
    this.#hiding = 'nothing';
    const assignment = /^(--?[A-Za-z][\w.:+-]*)=(.*)$/s.exec(word);
    const letter = word[1]!;
    const isLong = letter === '-';
    if (!isLong && takesSecret(this.#program, letter)) {
      this.append(word.length === 2 ? word : `-${letter}${hidden}`);
      if (word.length === 2) this.#hiding = 'next-word';
    } else if (assignment !== null && isPlainName(assignment[1]!)) {
      this.append(redactAssignment(assignment[1]!, '=', assignment[2]!));
    } else if (isPlainName(word)) {
      this.append(word);
      if (isSecretName(word)) this.#hiding = 'next-word';
    } else {
      this.append(isLong ? hidden : `-${letter}${redactValue(word.slice(2))}`);
    }
  }
}

function isOption(word: string): boolean {
  return /^--?[A-Za-z]/.test(word);
}

/** The name of an option: words of letters, with a number at an end at most; and the JVM's own forms. */
function isPlainName(option: string): boolean {
  if (/^-X(?:m[sxn]|ss)\d+[kmgt]?$|^-XX:[+-]?\w+$/i.test(option)) return true;
  return /^--?[A-Za-z]{1,24}(?:[._-][A-Za-z]{1,24})*[._-]?\d{0,3}$/.test(option);
}

/** Whether the secret's name ends the argument, so that the secret itself is the next one. */
function isTrailing(words: readonly string[]): boolean {
  return words.at(-1)?.endsWith(':') === true;
}
