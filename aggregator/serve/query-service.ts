/** The gRPC Query service: requests of the wire to answers, errors to status codes. */
import * as grpc from '@grpc/grpc-js';
import type { AboutDocument, WatchDocument } from '../../model/document.ts';
import { FilterError } from '../../query/filter-error.ts';
import { serviceDefinition } from '../../wire/proto-file.ts';
import type { Sight } from '../security/sight.ts';
import { type AnswerTurns, TooManyQuestions } from './answer-turns.ts';
import * as answers from './answers.ts';
import type { FleetView } from './fleet-view.ts';
import { type AnswerRequest, emptyRequest, InvalidRequest } from './request.ts';
import { TooManyWatchers, type Watchers } from './watch-feed.ts';

/** Trailing metadata of INVALID_ARGUMENT: the 1-based column of the query at fault, when there is one. */
export const columnMetadataKey = 'whotalks-column';

export interface QueryServiceOptions {
  readonly view: FleetView;
  readonly watchers: Watchers;
  /** Shared by all doors. */
  readonly turns: AnswerTurns;
  readonly about: () => AboutDocument;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** What the answer to a call may show, by the metadata of the call. */
  readonly sightOf: (metadata: grpc.Metadata) => Sight;
  /** Told of every failure that is not the asker's fault. */
  readonly onError: (question: string, error: unknown) => void;
}

type Unary = grpc.handleUnaryCall<Partial<AnswerRequest>, object>;
type Streaming = grpc.handleServerStreamingCall<Partial<AnswerRequest>, WatchDocument>;

export function addQueryService(server: grpc.Server, options: QueryServiceOptions): void {
  const unary = (question: string, answer: answers.Answer<object>): Unary => {
    return (call, callback) => {
      const sight = options.sightOf(call.metadata);
      const steps = answer(options.view, requestOf(call.request), options.clock(), sight);
      options.turns
        .ask(steps, () => !call.cancelled)
        .then(
          (document) => callback(null, document),
          (error: unknown) => callback(statusOf(error, question, options)),
        );
    };
  };
  server.addService(serviceDefinition('Query'), {
    connections: unary('connections', answers.connections),
    to: unary('to', answers.to),
    from: unary('from', answers.from),
    listeners: unary('listeners', answers.listeners),
    services: unary('services', answers.services),
    hosts: unary('hosts', answers.hosts),
    deps: unary('deps', answers.deps),
    map: unary('map', answers.map),
    about: ((_call, callback) => callback(null, options.about())) satisfies Unary,
    watch: watchHandler(options),
  });
}

/** A field that the wire leaves out has its zero. */
function requestOf(message: Partial<AnswerRequest>): AnswerRequest {
  return { ...emptyRequest, ...message };
}

function watchHandler(options: QueryServiceOptions): Streaming {
  return (call) => {
    try {
      const sink = { write: (document: WatchDocument) => call.write(document) };
      const sight = options.sightOf(call.metadata);
      const feed = options.watchers.start(requestOf(call.request), options.clock(), sight, sink);
      call.on('drain', () => feed.resume());
      call.on('cancelled', () => {
        feed.close();
        call.end();
      });
      call.on('error', () => feed.close());
      call.on('close', () => feed.close());
    } catch (error) {
      call.emit('error', statusOf(error, 'watch', options));
    }
  };
}

function statusOf(
  error: unknown,
  question: string,
  options: QueryServiceOptions,
): Partial<grpc.StatusObject> {
  if (error instanceof FilterError) {
    const metadata = new grpc.Metadata();
    metadata.set(columnMetadataKey, String(error.column));
    return { code: grpc.status.INVALID_ARGUMENT, details: error.message, metadata };
  }
  if (error instanceof InvalidRequest) return { code: grpc.status.INVALID_ARGUMENT, details: error.message };
  if (error instanceof TooManyWatchers || error instanceof TooManyQuestions)
    return { code: grpc.status.RESOURCE_EXHAUSTED, details: error.message };
  options.onError(question, error);
  return { code: grpc.status.INTERNAL, details: 'the aggregator failed to answer; its log says why' };
}
