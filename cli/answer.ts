/** The way of every question: settings, the server's answer, its text, and what is missing in it. */
import type { FleetAnswer } from '../model/document.ts';
import { type ExitCode, exitCodes } from './exit.ts';
import { plainText } from './format/plain-text.ts';
import { type CommonSettings, type Invocation, warnIfExposed } from './invocation.ts';
import { type CliIo, note } from './io.ts';
import { type Answers, QueryClient, type QueryRequest, type Question } from './query-client.ts';
import { silenceGrpc } from './silence-grpc.ts';

/** Asks one question. Throws a CliFailure. @param patienceMs how long an answer may take; default of QueryClient */
export async function askServer<Q extends Question>(
  { io }: Invocation,
  settings: CommonSettings,
  question: Q,
  request: QueryRequest,
  patienceMs?: number,
): Promise<Answers[Q]> {
  const { server, insecure, realm, limit, sort } = settings;
  warnIfExposed(io, '--server', server, insecure);
  silenceGrpc(io.env);
  const client = new QueryClient(server, insecure);
  try {
    return await client.ask(question, { realm, limit, sort, ...request }, io.signal, patienceMs);
  } finally {
    client.close();
  }
}

/**
 * The exit code of an answer that was printed: partial when hosts are missing in it, which are named on stderr, as are
 * simulated ones.
 */
export function finish(io: CliIo, document: FleetAnswer): ExitCode {
  if (document.demo) noteDemo(io);
  for (const { host, reason, since } of document.partial) {
    const when = since === null ? '' : `, since ${since}`;
    note(io, `partial: ${plainText(host)} is missing: ${plainText(reason)}${when}`);
  }
  return document.partial.length > 0 ? exitCodes.partial : exitCodes.ok;
}

/** Nobody takes simulated hosts for real ones. */
export function noteDemo(io: CliIo): void {
  note(io, 'DEMO: simulated hosts are in this answer');
}
