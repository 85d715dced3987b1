/** The same question, and the setup, as lines for a shell. */
import type { AboutDocument } from '../../model/document.ts';
import { questionOf } from '../state/question.ts';

/** The command that answers `query` in a terminal. */
export function commandOf(query: string): string {
  const question = questionOf(query);
  if (question.kind === 'to') return `whotalks to ${shellQuote(question.target)}`;
  if (question.kind === 'from') return `whotalks from ${shellQuote(question.source)}`;
  return query === '' ? 'whotalks map' : `whotalks connections ${shellQuote(query)}`;
}

/** What makes another host report to the aggregator behind this page. */
export interface Joining {
  /** To be run on that host. */
  readonly command: string;
  /** What stands in the way, or has to be done before; null when nothing does. */
  readonly obstacle: string | null;
}

/** @param page host under which the page was opened */
export function joining(
  page: { readonly hostname: string },
  about: Pick<AboutDocument, 'grpcAddress' | 'insecure'>,
): Joining {
  const colon = about.grpcAddress.lastIndexOf(':');
  const [bound, port] = [about.grpcAddress.slice(0, colon), about.grpcAddress.slice(colon + 1)];
  if (isLoopback(bound)) {
    return {
      command: `whotalks agent --server ${about.grpcAddress}`,
      obstacle:
        'This aggregator takes agents of its own machine only. For others run "whotalks ca init" there, start it with ' +
        `--listen ADDRESS:${port}, and name that address in --server.`,
    };
  }
  const host = /^(0\.0\.0\.0|\[::\])$/.test(bound) ? page.hostname : bound;
  const command = `whotalks agent --server ${host}:${port}`;
  if (about.insecure) return { command: `${command} --insecure`, obstacle: null };
  return {
    command: `${command} --ca ca.crt --token-file join-token`,
    obstacle:
      'Both files come from the machine of the aggregator: "whotalks ca init" left ca.crt there, and ' +
      '"whotalks token create --join" prints what is to stand in join-token.',
  };
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\..*|\[::1\])$/.test(host);
}

/** One word for a POSIX shell, whatever the text holds. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
