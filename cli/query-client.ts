/** Asks an aggregator through gRPC, and turns what can go wrong into failures with an exit code. */
import * as grpc from '@grpc/grpc-js';
import type * as documents from '../model/document.ts';
import { documentFromMessage } from '../wire/document-codec.ts';
import { formatHostPort, HostPortError, parseHostPort } from '../wire/host-port.ts';
import { serviceDefinition } from '../wire/proto-file.ts';
import type { ClientChannel } from '../wire/tls-client.ts';
import { tlsReason, unreachableReason } from '../wire/unreachable.ts';
import { CliFailure, exitCodes, usageFailure } from './exit.ts';
import { refusalOf } from './refusal.ts';

/** The questions, and the document that answers each. */
export interface Answers {
  readonly connections: documents.ConnectionsDocument;
  readonly to: documents.ToDocument;
  readonly from: documents.FromDocument;
  readonly listeners: documents.ListenersDocument;
  readonly services: documents.ServicesDocument;
  readonly hosts: documents.HostsDocument;
  readonly deps: documents.DepsDocument;
  readonly map: documents.MapDocument;
  readonly about: documents.AboutDocument;
}

export type Question = keyof Answers;

export interface QueryRequest {
  readonly q: string;
  readonly realm?: string;
  readonly limit?: number;
  readonly sort?: string;
  readonly depth?: number;
  readonly reverse?: boolean;
}

/** How long an answer may take. */
const answerTimeoutMs = 30_000;

/** How long whoever takes the connection may take to say the first word of gRPC. An aggregator says it at once. */
const greetingTimeoutMs = 4_000;

/** Largest answer that is taken: rowsMax connections. */
const answerBytesMax = 128 << 20;

type Callback = (error: grpc.ServiceError | null, message: object) => void;
type UnaryMethod = (
  request: QueryRequest,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: Callback,
) => grpc.ClientUnaryCall;
type WatchMethod = (request: QueryRequest, metadata: grpc.Metadata) => grpc.ClientReadableStream<object>;

export class QueryClient {
  readonly #client: grpc.Client;
  readonly #server: string;
  /** What goes with every question. */
  readonly #metadata = new grpc.Metadata();

  /**
   * Connects when the first question is asked. Throws a usage failure for an address that is none.
   * @param channel how the server is spoken to
   * @param token is shown to the server; null = nothing is
   */
  constructor(server: string, channel: ClientChannel, token: string | null) {
    this.#server = checkedAddress(server);
    if (token !== null) this.#metadata.set('authorization', `Bearer ${token}`);
    const Client = grpc.makeClientConstructor(serviceDefinition('Query'), 'Query');
    this.#client = new Client(this.#server, channel.credentials, {
      ...channel.options,
      'grpc.max_receive_message_length': answerBytesMax,
      'grpc.enable_http_proxy': 0,
    });
  }

  /** Throws a CliFailure. @param patienceMs how long the answer may take */
  async ask<Q extends Question>(
    question: Q,
    request: QueryRequest,
    signal: AbortSignal,
    patienceMs = answerTimeoutMs,
  ): Promise<Answers[Q]> {
    const method = this.#method<UnaryMethod>(question);
    const message = await new Promise<object>((resolve, reject) => {
      const deadline = Date.now() + patienceMs;
      const call = method.call(this.#client, request, this.#metadata, { deadline }, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(failureOf(error, this.#server, signal, patienceMs));
      });
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      const stopListening = this.#listenForGreeting(call, reject);
      call.on('status', () => {
        signal.removeEventListener('abort', cancel);
        stopListening();
      });
    });
    return documentFromMessage<Answers[Q]>(documentName(question), message);
  }

  /** Until the signal ends it. Throws a CliFailure when the server does. */
  async *watch(request: QueryRequest, signal: AbortSignal): AsyncIterable<documents.WatchDocument> {
    const stream = this.#method<WatchMethod>('watch').call(this.#client, request, this.#metadata);
    const cancel = (): void => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    let silence: CliFailure | null = null;
    const stopListening = this.#listenForGreeting(stream, (failure) => {
      silence = failure;
    });
    try {
      for await (const message of stream) {
        yield documentFromMessage<documents.WatchDocument>('WatchDocument', message as object);
      }
      if (!signal.aborted) throw endedFailure(this.#server);
    } catch (error) {
      if (silence !== null) throw silence;
      if (error instanceof CliFailure) throw error;
      if (!signal.aborted) throw failureOf(error as grpc.ServiceError, this.#server, signal, answerTimeoutMs);
    } finally {
      stopListening();
      signal.removeEventListener('abort', cancel);
      stream.on('error', () => {});
      stream.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  /**
   * Gives up on whoever takes connections and says nothing on them. One that refuses them is told at once as it is.
   *
   * @returns stops listening
   */
  #listenForGreeting(call: { cancel(): void }, giveUp: (failure: CliFailure) => void): () => void {
    const timer = setTimeout(() => {
      if (this.#client.getChannel().getConnectivityState(false) !== grpc.connectivityState.CONNECTING) return;
      giveUp(silentFailure(this.#server));
      call.cancel();
    }, greetingTimeoutMs);
    return () => clearTimeout(timer);
  }

  #method<Method>(name: string): Method {
    return (this.#client as unknown as Record<string, unknown>)[name] as Method;
  }
}

function documentName(question: Question): string {
  return `${question[0]!.toUpperCase()}${question.slice(1)}Document`;
}

function checkedAddress(server: string): string {
  try {
    return formatHostPort(parseHostPort(server));
  } catch (error) {
    if (error instanceof HostPortError) throw usageFailure(`--server: ${error.message}`);
    throw error;
  }
}

function failureOf(
  error: grpc.ServiceError,
  server: string,
  signal: AbortSignal,
  patienceMs: number,
): CliFailure {
  const refusal = refusalOf(error, server);
  if (refusal !== null) return refusal;
  const details = error.details.split('\n')[0]!;
  switch (error.code) {
    case grpc.status.INVALID_ARGUMENT:
      return usageFailure(details);
    case grpc.status.CANCELLED:
      if (signal.aborted) return new CliFailure(exitCodes.interrupted, 'interrupted');
      return endedFailure(server);
    case grpc.status.UNAVAILABLE:
      return new CliFailure(
        exitCodes.unreachable,
        `cannot reach the aggregator at ${server}: ${unreachableReason(details)}${whereElse(details)}`,
      );
    case grpc.status.FAILED_PRECONDITION:
      return new CliFailure(exitCodes.error, `${server} refuses: ${details}`);
    case grpc.status.DEADLINE_EXCEEDED:
      return new CliFailure(
        exitCodes.unreachable,
        `the aggregator at ${server} did not answer within ${patienceMs / 1000} s: it is overloaded or stuck; try again`,
      );
    case grpc.status.UNIMPLEMENTED:
      return new CliFailure(
        exitCodes.error,
        `what answers at ${server} does not know this question: it is another version, or no whotalks aggregator`,
      );
    case grpc.status.INTERNAL:
      if (!details.startsWith('Response message parsing error')) return failedAnswer(details, server);
      return new CliFailure(
        exitCodes.error,
        `the answer of ${server} cannot be read: it is another version, or something on the way damages it`,
      );
    default:
      return failedAnswer(details, server);
  }
}

/** What is at fault in a handshake says itself what to do; else another server may be meant. */
function whereElse(details: string): string {
  return tlsReason(details) === null ? '; start one with "whotalks up", or name one with --server' : '';
}

function failedAnswer(details: string, server: string): CliFailure {
  return new CliFailure(exitCodes.error, `the aggregator at ${server} failed: ${details}; its log says why`);
}

function silentFailure(server: string): CliFailure {
  return new CliFailure(
    exitCodes.unreachable,
    `cannot reach the aggregator at ${server}: what listens there takes connections and says nothing for ` +
      `${greetingTimeoutMs / 1000} s; it is stuck, or no aggregator`,
  );
}

/** The server hung up, as it does when it is stopped. */
function endedFailure(server: string): CliFailure {
  return new CliFailure(
    exitCodes.unreachable,
    `the aggregator at ${server} ended the call: it is going away; try again when it is back`,
  );
}
