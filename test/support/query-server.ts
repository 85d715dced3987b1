/** A real gRPC server on loopback that answers from a live view, as an aggregator does. */
import * as grpc from '@grpc/grpc-js';
import type { Guards } from '../../aggregator/guards.ts';
import { AnswerTurns } from '../../aggregator/serve/answer-turns.ts';
import { addHealthAndReflection, type Health } from '../../aggregator/serve/grpc-extras.ts';
import { addQueryService } from '../../aggregator/serve/query-service.ts';
import { Watchers } from '../../aggregator/serve/watch-feed.ts';
import { aboutTests } from './about.ts';
import { guardsFor } from './guards.ts';
import type { ReportedFleet } from './reported-fleet.ts';

export interface QueryServer {
  /** HOST:PORT. */
  readonly address: string;
  readonly watchers: Watchers;
  readonly health: Health;
  /** Questions whose answer failed inside. */
  readonly failures: readonly string[];
  close(): void;
}

export async function startQueryServer(
  fleet: ReportedFleet,
  guards: Guards = guardsFor('local'),
): Promise<QueryServer> {
  const server = new grpc.Server({ interceptors: [guards.grpc.interceptor] });
  const watchers = new Watchers(fleet.view);
  const failures: string[] = [];
  addQueryService(server, {
    view: fleet.view,
    watchers,
    turns: new AnswerTurns(),
    about: () => aboutTests(fleet.nowMs),
    clock: () => fleet.nowMs,
    sightOf: (metadata) => guards.grpc.sightOf(metadata),
    onError: (question) => failures.push(question),
  });
  const health = addHealthAndReflection(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, watchers, health, failures, close: () => server.forceShutdown() };
}
