/** What the command line knows of a verb before its code is loaded. */
import type { ExitCode } from './exit.ts';
import type { Invocation } from './invocation.ts';

export interface VerbOption {
  /** As commander takes it: `--depth <n>`. */
  readonly flags: string;
  readonly description: string;
  /** May be given several times. */
  readonly isRepeatable?: true;
}

/** Which of the shared flags a verb has. */
export type SharedFlags =
  /** --server, --realm, -o and the rest of a question. */
  | 'question'
  /** -o and the rest of printing, without a server. */
  | 'printing'
  /** --insecure and --config only. */
  | 'daemon';

export interface Verb {
  readonly name: string;
  /** `<target>`, `[filter...]`, or '' for none. */
  readonly operand: string;
  readonly summary: string;
  /** Without `whotalks ` before it. */
  readonly examples: readonly string[];
  readonly shared: SharedFlags;
  /** Those of the shared flags that would have no effect, by their names without `--`. */
  readonly without?: readonly string[];
  /** Values of -o. */
  readonly formats: string;
  readonly options: readonly VerbOption[];
  readonly load: () => Promise<{ readonly run: (invocation: Invocation) => Promise<ExitCode> }>;
}
