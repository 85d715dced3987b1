/** The way of every question: settings, the server's answer, its text, and what is missing in it. */
import type { FleetAnswer } from '../model/document.ts';
import { type ExitCode, exitCodes } from './exit.ts';
import { plainText } from './format/plain-text.ts';
import { type CommonSettings, type Invocation, isLoopbackAddress, warnIfExposed } from './invocation.ts';
import { type CliIo, note } from './io.ts';
import { type Answers, QueryClient, type QueryRequest, type Question } from './query-client.ts';
import { channelTo, isTls } from './server-channel.ts';
import { silenceGrpc } from './silence-grpc.ts';
import { readTokenFile } from './token-file.ts';

/** To be closed. Throws a usage failure for a server or a token that cannot be used. */
export function openClient({ io }: Invocation, settings: CommonSettings): QueryClient {
  const { server, insecure, tokenFile } = settings;
  warnIfExposed(io, '--server', server, insecure);
  silenceGrpc(io.env);
  const channel = channelTo(settings);
  const isSecret = isTls(settings) || isLoopbackAddress(server);
  const token = tokenFile === null ? null : tokenFor(io, server, tokenFile, isSecret);
  return new QueryClient(server, channel, token);
}

/** Off loopback only TLS keeps a token from whoever is on the way. @param isSecret on the way there */
function tokenFor(io: CliIo, server: string, tokenFile: string, isSecret: boolean): string | null {
  const token = readTokenFile(io, tokenFile);
  if (isSecret) return token;
  note(io, `warning: the token of ${tokenFile} is not sent to ${server}, since --insecure is plaintext`);
  return null;
}

/** Asks one question. Throws a CliFailure. @param patienceMs how long an answer may take; default of QueryClient */
export async function askServer<Q extends Question>(
  invocation: Invocation,
  settings: CommonSettings,
  question: Q,
  request: QueryRequest,
  patienceMs?: number,
): Promise<Answers[Q]> {
  const { realm, limit, sort } = settings;
  const client = openClient(invocation, settings);
  try {
    return await client.ask(question, { realm, limit, sort, ...request }, invocation.io.signal, patienceMs);
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
