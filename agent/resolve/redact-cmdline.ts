/**
 * A command line as one line of text, with secrets hidden.
 *
 * Command lines carry passwords and tokens, and this one travels to everybody who may ask about a connection. So the
 * agent shows by allow-list: the program, its first words (what it is told to do), the names of options, and values of a
 * shape that no secret has (see redact-value). A plain word further on is shown only where the name before it says that
 * it is none (see harmless-names); a value after a name such as `--password` or `Authorization:` is hidden whatever its
 * shape.
 */
import { isCommonWord, isHarmlessName } from './harmless-names.ts';
import {
  hasUserinfo,
  hidden,
  isHarmlessWord,
  redactAssignment,
  redactNamed,
  redactValue,
} from './redact-value.ts';
import { announcesSecret, isSecretName, takesSecret } from './secret-names.ts';

/** How command lines are shown: as they are, redacted, or not at all. */
export const cmdlineModes = ['full', 'redacted', 'none'] as const;

export type CmdlineMode = (typeof cmdlineModes)[number];

/** How many words after the program are shown as what it is told to do: `kubectl create`, `git remote add`. */
const commandWordsMax = 2;

/** How many words are shown; behind them stands that there are more. */
const wordsMax = 512;

/** One word, or two with a dash: passwords of words have more. */
const commandWord = /^[a-z]{2,16}(?:-[a-z]{2,16})?$/;

/** Digits in groups of four: the number of a card, or half of one. */
const cardNumber = /\d{4}(?:[ -]\d{4}){2}/;

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
  const isProgram = /^[\w./+:@-]+$/.test(title) && !hasUserinfo(title);
  line.append(isProgram ? title : redactValue(title, 'shapes-only'));
  if (titleWords.length > 0) line.appendWords(titleWords, 'title');
  for (const arg of rest) {
    if (line.isFull) break;
    if (cardNumber.test(arg)) line.append(hidden);
    else line.appendWords(arg.split(/\s+/), 'argument');
  }
  return line.text;
}

/** How much of what follows is hidden because of the word before. */
type Hiding = 'nothing' | 'next-word' | 'rest-of-argument';

class RedactedLine {
  readonly #program: string;
  readonly #words: string[] = [];
  #hiding: Hiding = 'nothing';
  /** Plain words that may still be what the program is told to do; none behind an option. */
  #commandWordsLeft = commandWordsMax;
  /** Of the option whose value may come next; null = none. */
  #option: string | null = null;

  constructor(program: string) {
    this.#program = program;
  }

  get text(): string {
    return this.isFull ? `${this.#words.join(' ')} ${hidden}` : this.#words.join(' ');
  }

  get isFull(): boolean {
    return this.#words.length >= wordsMax;
  }

  append(word: string): void {
    this.#words.push(word);
  }

  /** The words of one argument: several when it is a script, a header or a list. */
  appendWords(words: readonly string[], kind: 'title' | 'argument'): void {
    // A sentence is nothing that a program is told to do.
    if (words.length > 1 || kind === 'title') this.#commandWordsLeft = 0;
    if (this.#hiding === 'next-word' && !isOption(words[0]!)) {
      this.#hide(words.length === 1 ? words[0]! : hidden);
      return;
    }
    const isQuoted = words.length > 1 && words.some((word) => /["'`]/.test(word));
    for (const word of words) {
      if (this.isFull) return;
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
    // `Authorization Bearer TOKEN`: the scheme is hidden, and what it announces as well; so is `=`, and nothing at all.
    this.#hiding = word === '' || word === '=' || announcesSecret(word) ? 'next-word' : 'nothing';
    this.#option = null;
  }

  #appendPlain(word: string): void {
    const header = /^["']?([\w-]+):$/.exec(word);
    if (header !== null && isSecretName(header[1]!)) {
      this.append(`${header[1]}:`);
      this.#hiding = 'rest-of-argument';
      return;
    }
    const assigned = /^([\w.-]+)=(["'].*|)$/s.exec(word);
    const isOpenSecret = assigned !== null && isSecretName(assigned[1]!);
    this.append(this.#shown(word));
    this.#hiding = announcesSecret(word) || isOpenSecret ? 'next-word' : 'nothing';
  }

  #shown(word: string): string {
    const option = this.#option;
    this.#option = null;
    if (option !== null) return redactNamed(option, word);
    const isCommand = this.#commandWordsLeft > 0 && commandWord.test(word);
    // What follows a name that announces a secret is hidden, so the name itself may be shown.
    if (isCommand || announcesSecret(word) || isSecretName(word)) {
      this.#commandWordsLeft--;
      return isHarmlessWord(word) ? word : redactValue(word, 'shapes-only');
    }
    return redactValue(word, 'shapes-only');
  }

  /** `--name`, `--name=value`, `-x`, `-xVALUE`, `-longname`. */
  #appendOption(word: string): void {
    this.#hiding = 'nothing';
    this.#option = null;
    this.#commandWordsLeft = 0;
    const assignment = /^(--?[A-Za-z][\w.:+-]*)=(.*)$/s.exec(word);
    const letter = word[1]!;
    const isLong = letter === '-';
    if (!isLong && takesSecret(this.#program, letter)) {
      this.append(word.length === 2 ? word : `-${letter}${hidden}`);
      if (word.length === 2) this.#hiding = 'next-word';
    } else if (assignment !== null && isPlainName(assignment[1]!)) {
      this.#appendAssignment(assignment[1]!, assignment[2]!);
    } else if (isPlainName(word)) {
      this.append(word);
      if (isSecretName(word)) this.#hiding = 'next-word';
      else this.#option = nameOf(word);
    } else {
      this.append(isLong ? hidden : `-${letter}${redactValue(word.slice(2), 'shapes-only')}`);
      this.#option = '';
    }
  }

  #appendAssignment(option: string, value: string): void {
    this.append(`${option}=${redactAssignment(nameOf(option), value).slice(nameOf(option).length + 1)}`);
    if (value === '' && isSecretName(option)) this.#hiding = 'next-word';
  }
}

/** A lone letter, or a name; what else begins with a dash may be a secret that does. */
function isOption(word: string): boolean {
  return /^--?[A-Za-z]/.test(word);
}

/** Without its dashes. */
function nameOf(option: string): string {
  return option.replace(/^--?/, '');
}

/**
 * The name of an option: words of letters, with a number at an end at most; and the JVM's own forms. After one dash a
 * letter with its value looks the same (`-pletmein`), so there it has to be a name that is known.
 */
function isPlainName(option: string): boolean {
  if (/^-X(?:m[sxn]|ss)\d+[kmgt]?$|^-XX:[+-]?\w+$/i.test(option)) return true;
  if (!/^--?[A-Za-z]{1,24}(?:[._-][A-Za-z]{1,24})*[._-]?\d{0,3}$/.test(option)) return false;
  if (option.startsWith('--') || /^-[A-Za-z]\d{0,3}$/.test(option)) return true;
  const name = nameOf(option);
  return isHarmlessName(name) || isCommonWord(name) || isSecretName(name) || name.startsWith('D');
}

/** Whether the secret's name ends the argument, so that the secret itself is the next one. */
function isTrailing(words: readonly string[]): boolean {
  return words.at(-1)?.endsWith(':') === true;
}
