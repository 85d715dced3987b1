/**
 * Every method that is registered at the gRPC server and every route of the HTTP server, asked by everybody there is: who is
 * let in is in the lists below, and nobody else is.
 */
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../../../aggregator/security/authorise.ts';
import { type GuardedDoors, openDoors } from '../../support/guarded-doors.ts';
import { GivenTokens } from '../../support/guards.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

const tokens = new GivenTokens();
const secrets = {
  anonymous: null,
  guess: 'secret-nobody',
  malformed: 'with a blank',
  agent: tokens.giveAgent('h1'),
  read: tokens.give('ann', 'read'),
  'read:cmdline': tokens.give('bob', 'read:cmdline'),
  admin: tokens.give('eve', 'admin'),
  over: tokens.give('old', 'read', 'admin'),
} as const;
tokens.takeBack('old', 'token id-old expired at 2026-01-01T00:00:00Z');

type Caller = keyof typeof secrets | 'local' | 'insecure';

const callers: readonly Caller[] = [
  'local',
  'insecure',
  ...(Object.keys(secrets) as (keyof typeof secrets)[]),
];
const readers: readonly Caller[] = ['local', 'insecure', 'read', 'read:cmdline', 'admin'];
const reporters: readonly Caller[] = ['local', 'insecure', 'agent'];

const questions = [
  'Connections',
  'To',
  'From',
  'Listeners',
  'Services',
  'Hosts',
  'Deps',
  'Map',
  'About',
  'Watch',
];

/** By method of gRPC, who may call it. */
const methods: Readonly<Record<string, readonly Caller[]>> = {
  '/whotalks.v1.Ingest/Stream': reporters,
  '/whotalks.v1.Enrol/Join': callers,
  '/whotalks.v1.Enrol/Renew': reporters,
  ...Object.fromEntries(questions.map((name) => [`/whotalks.v1.Query/${name}`, readers])),
  '/grpc.health.v1.Health/Check': callers,
  '/grpc.health.v1.Health/List': callers,
  '/grpc.health.v1.Health/Watch': callers,
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': readers,
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': readers,
};

/** The same by route of HTTP. */
const routes: Readonly<Record<string, readonly Caller[]>> = {
  ...Object.fromEntries(questions.map((name) => [`GET /api/v1/${name.toLowerCase()}`, readers])),
  'GET /healthz': callers,
  'GET /readyz': callers,
  'GET /metrics': readers,
  'GET /': callers,
  'GET /session': callers,
  'POST /login': callers,
  'POST /logout': callers,
};

/** Doors of its own for each: who shows too much that is not good is not listened to any more. */
const doors = new Map<Caller, GuardedDoors>();

beforeAll(async () => {
  for (const caller of callers) {
    const door = caller === 'local' || caller === 'insecure' ? caller : 'tls';
    doors.set(caller, await openDoors(new ReportedFleet(), door, tokens));
  }
});

afterAll(async () => {
  for (const each of doors.values()) await each.close();
});

test('these are all methods of gRPC', () => {
  const handlers = Reflect.get(doors.get('anonymous')!.grpcServer, 'handlers') as ReadonlyMap<
    string,
    unknown
  >;
  expect([...handlers.keys()].toSorted()).toEqual(Object.keys(methods).toSorted());
});

test('these are all routes of HTTP', () => {
  const tree = doors.get('anonymous')!.httpServer.printRoutes({ commonPrefix: false });
  // All stand below "/", and that alone shows its slash.
  const found = [...tree.matchAll(/[├└]── (\S+) \(([A-Z, ]+)\)/g)].flatMap(([, name, verbs]) =>
    verbs!.split(', ').map((verb) => `${verb} /${name!.replace(/^\//, '')}`),
  );
  const withHead = Object.keys(routes).flatMap((route) =>
    route.startsWith('GET ') ? [route, route.replace('GET', 'HEAD')] : [route],
  );
  expect(found.toSorted()).toEqual(withHead.toSorted());
});

test('nothing else is in the table of what may be done', () => {
  const notOfDoors = ['GET /*', 'login'];
  expect([...needs.keys()].filter((action) => !notOfDoors.includes(action)).toSorted()).toEqual(
    [...Object.keys(methods), ...Object.keys(routes)].toSorted(),
  );
});

describe.each(callers)('%s', (caller) => {
  test.each(Object.entries(methods))('%s', async (method, may) => {
    const { grpcAddress } = doors.get(caller)!;
    const refusal = await refusalOfCall(grpcAddress, method, secretOf(caller));
    if (may.includes(caller)) expect(refusal).toBe(null);
    else expect(refusal).toEqual(expectedOfGrpc(caller));
  });

  test.each(Object.entries(routes))('%s', async (route, may) => {
    const { httpAddress } = doors.get(caller)!;
    const status = await statusOfRequest(httpAddress, route, secretOf(caller));
    if (may.includes(caller)) expect([401, 403, 404, 405, 429, 500]).not.toContain(status);
    else expect(status).toBe(caller === 'agent' ? 403 : 401);
  });
});

test('what is not there is not there for anybody', async () => {
  const { grpcAddress, httpAddress } = doors.get('anonymous')!;
  expect(await refusalOfCall(grpcAddress, '/whotalks.v1.Query/Secrets', null)).toMatchObject({
    code: grpc.status.UNIMPLEMENTED,
  });
  expect(await statusOfRequest(httpAddress, 'GET /api/v1/secrets', null)).toBe(404);
});

function secretOf(caller: Caller): string | null {
  return caller === 'local' || caller === 'insecure' ? null : secrets[caller];
}

function expectedOfGrpc(caller: Caller): object {
  if (caller === 'agent' || readers.includes(caller))
    return { code: grpc.status.PERMISSION_DENIED, reason: 'wrong-role' };
  const reason = caller === 'anonymous' ? 'no-credentials' : 'bad-credentials';
  return { code: grpc.status.UNAUTHENTICATED, reason };
}

interface CallRefusal {
  readonly code: grpc.status;
  readonly reason: string;
}

/** Calls with an empty message, whatever the method wants. @returns null once it does anything but refuse */
function refusalOfCall(address: string, method: string, secret: string | null): Promise<CallRefusal | null> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  if (secret !== null) metadata.set('authorization', `Bearer ${secret}`);
  const asIs = (bytes: Buffer): Buffer => bytes;
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(method, asIs, asIs, metadata);
  return new Promise<CallRefusal | null>((resolve) => {
    call.on('data', () => resolve(null));
    // A method that answers begins with its headers; a refusal has none but those of its end.
    call.on('status', ({ code, metadata: trailers }: grpc.StatusObject) => {
      const reason = trailers.get('whotalks-reason')[0]?.toString();
      const isRefused = reason !== undefined || code === grpc.status.UNIMPLEMENTED;
      resolve(isRefused ? { code, reason: reason ?? 'not there' } : null);
    });
    call.on('error', () => undefined);
    call.write(Buffer.alloc(0));
    call.end();
  }).finally(() => {
    call.cancel();
    client.close();
  });
}

async function statusOfRequest(address: string, route: string, secret: string | null): Promise<number> {
  const [method, path] = route.split(' ') as [string, string];
  const abort = new AbortController();
  const response = await fetch(`http://${address}${path}?q=web`, {
    method,
    signal: abort.signal,
    headers: {
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
      ...(method === 'POST' ? { origin: `http://${address}`, 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body: '{}' } : {}),
  });
  abort.abort();
  return response.status;
}
