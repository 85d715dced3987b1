/** Whoever tries join tokens one after the other is not listened to any more, and neither is any other token from there. */
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { addEnrolService } from '../../../aggregator/security/enrol-service.ts';
import { EnrolmentError } from '../../../aggregator/security/enrolment.ts';
import { failuresMax } from '../../../aggregator/security/failed-proofs.ts';
import { serviceDefinition } from '../../../wire/proto-file.ts';
import { GivenTokens, guardsFor } from '../../support/guards.ts';

test('join tokens that are not good are counted as others are', async () => {
  const guards = guardsFor('tls', new GivenTokens());
  let decided = 0;
  const refuse = (): never => {
    decided += 1;
    throw new EnrolmentError('refused', 'this token is not known here');
  };
  const server = new grpc.Server({ interceptors: [guards.grpc.interceptor] });
  addEnrolService(server, {
    enrolment: { join: refuse, renew: refuse },
    identityOf: () => ({ kind: 'anonymous', refused: null }),
    onError: () => undefined,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const Client = grpc.makeClientConstructor(serviceDefinition('Enrol'), 'Enrol');
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const join = () =>
    new Promise<grpc.ServiceError>((resolve) => {
      const call = client['join'] as (request: object, done: (error: grpc.ServiceError) => void) => void;
      call.call(client, { token: 'guess', hostId: 'h1' }, resolve);
    });
  for (let n = 0; n < failuresMax; n++) {
    expect(await join()).toMatchObject({ code: grpc.status.PERMISSION_DENIED });
  }
  expect(await join()).toMatchObject({
    code: grpc.status.RESOURCE_EXHAUSTED,
    details: expect.stringMatching(
      /^too many tokens that are not good came from 127\.0\.0\.1: try again in \d+ s$/,
    ),
  });
  expect(decided).toBe(failuresMax);
  client.close();
  server.forceShutdown();
});
