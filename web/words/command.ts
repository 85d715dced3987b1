/** The same question, and the setup, as lines for a shell. */
import { questionOf } from '../state/question.ts';

/** The command that answers `query` in a terminal. */
export function commandOf(query: string): string {
  const question = questionOf(query);
  if (question.kind === 'to') return `whotalks to ${shellQuote(question.target)}`;
  if (question.kind === 'from') return `whotalks from ${shellQuote(question.source)}`;
  return query === '' ? 'whotalks map' : `whotalks connections ${shellQuote(query)}`;
}

/** Port on which an aggregator takes agents unless told otherwise. */
const agentPort = 7443;

/**
 * The command that makes a host report to the aggregator behind this page.
 *
 * @param page scheme and host under which the page was opened. Plain HTTP off loopback means an aggregator without
 *   TLS, which an agent joins only when told to.
 */
export function joinCommand(page: { readonly protocol: string; readonly hostname: string }): string {
  const isLoopback = /^(localhost|127\..*|\[::1\])$/.test(page.hostname);
  const insecure = page.protocol === 'http:' && !isLoopback ? ' --insecure' : '';
  return `whotalks agent --server ${page.hostname}:${agentPort}${insecure}`;
}

/** One word for a POSIX shell, whatever the text holds. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
