/**
 * Whoever may not see command lines learns nothing of them: every answer, sorted by every field, is the same whatever they are.
 * And whoever may sees them, over both doors.
 */
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seesAll, seesNoCmdlines } from '../../../aggregator/security/sight.ts';
import * as sorting from '../../../aggregator/serve/sort-fields.ts';
import { Watchers } from '../../../aggregator/serve/watch-feed.ts';
import type { WatchDocument } from '../../../model/document.ts';
import { documentFromMessage } from '../../../wire/document-codec.ts';
import { serviceDefinition } from '../../../wire/proto-file.ts';
import * as answers from '../../support/answers-at-once.ts';
import { type GuardedDoors, openDoors } from '../../support/guarded-doors.ts';
import { GivenTokens } from '../../support/guards.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';
import { until } from '../../support/until.ts';
import { ask } from '../serve/story.ts';

const secret = 'hunter2';

/** @param tails what stands at the end of the command line of the client, and of the server */
function fleetWith(...tails: readonly [string, string]): ReportedFleet {
  const fleet = new ReportedFleet();
  const web = fleet.host('web', { addresses: ['10.0.0.1'] });
  const db = fleet.host('db', { addresses: ['10.0.0.2'] });
  const [client, server] = [
    { program: 'app', pid: 1, cmdline: `app --password ${tails[0]}` },
    { program: 'store', pid: 2, cmdline: `store --key ${tails[1]}` },
  ];
  fleet.listen(db, '10.0.0.2:5432', server);
  for (const port of [40_000, 40_001]) {
    fleet.open(web, `10.0.0.1:${port}`, '10.0.0.2:5432', client);
    fleet.open(db, '10.0.0.2:5432', `10.0.0.1:${port}`, server);
  }
  fleet.open(web, '10.0.0.1:40002', '10.9.9.9:443', client);
  fleet.pass(4_000);
  return fleet;
}

/** Each question with the fields it can be sorted by, and something to ask it for. */
const questions = [
  ['connections', answers.connections, sorting.connectionFields, ''],
  ['to', answers.to, sorting.peerFields, 'store'],
  ['from', answers.from, sorting.peerFields, 'app'],
  ['listeners', answers.listeners, sorting.listenerFields, ''],
  ['services', answers.services, sorting.serviceFields, ''],
  ['hosts', answers.hosts, sorting.hostFields, ''],
  ['map', answers.map, sorting.edgeFields, ''],
  ['deps', answers.deps, sorting.edgeFields, 'app'],
] as const;

describe('answers without command lines', () => {
  const [one, other] = [fleetWith(secret, 'a'), fleetWith('z', secret)];

  test.each(questions)('%s is the same whatever they are', (_, answer, fields, q) => {
    for (const sort of ['', ...Object.keys(fields), ...Object.keys(fields).map((name) => `-${name}`)]) {
      const request = ask({ q, sort });
      const [seen, seenOfOther] = [one, other].map((fleet) => answer(fleet.view, request, 0, seesNoCmdlines));
      expect(JSON.stringify(seen)).toBe(JSON.stringify(seenOfOther));
    }
  });

  test.each(['hunter2', '"app --password hunter2"', 'store and hunter2', 'not hunter2'])(
    'the filter %s finds the same whatever they are',
    (q) => {
      const found = [one, other].map(
        (fleet) => answers.connections(fleet.view, ask({ q }), 0, seesNoCmdlines).total,
      );
      expect(found[0]).toBe(found[1]);
    },
  );

  test('and those with them have them', () => {
    const shown = questions.filter(([, answer, , q]) =>
      JSON.stringify(answer(one.view, ask({ q }), 0, seesAll)).includes(secret),
    );
    expect(shown.map(([name]) => name)).toEqual(['connections']);
    const ofOther = questions.filter(([, answer, , q]) =>
      JSON.stringify(answer(other.view, ask({ q }), 0, seesAll)).includes(secret),
    );
    expect(ofOther.map(([name]) => name)).toEqual(['connections', 'to', 'listeners']);
  });
});

test('watchers get one document each way', () => {
  const fleet = fleetWith('a', 'b');
  const watchers = new Watchers(fleet.view);
  const taken = new Map<string, WatchDocument[]>();
  for (const [name, sight] of Object.entries({ all: seesAll, some: seesNoCmdlines, more: seesNoCmdlines })) {
    const documents: WatchDocument[] = [];
    taken.set(name, documents);
    watchers.start(ask({}), 0, sight, { write: (document) => documents.push(document) > 0 });
  }
  const cmdline = `app ${secret}`;
  fleet.open(fleet.hosts.get('web')!, '10.0.0.1:40009', '10.9.9.9:80', { program: 'app', cmdline });
  fleet.pass(4_000);
  const opened = (name: string) => taken.get(name)!.find(({ kind }) => kind === 'opened')!;
  expect(opened('all').connection!.client.cmdline).toBe(cmdline);
  expect(opened('some').connection).toEqual({
    ...opened('all').connection,
    client: { ...opened('all').connection!.client, cmdline: null },
  });
  expect(opened('more')).toBe(opened('some'));
});

describe('over the doors', () => {
  const tokens = new GivenTokens();
  const [read, withCmdlines] = [tokens.give('ann', 'read'), tokens.give('bob', 'read:cmdline')];
  const fleet = fleetWith(secret, 'b');
  let doors: GuardedDoors;
  let client: grpc.Client & Record<string, (...args: unknown[]) => grpc.ClientReadableStream<object>>;

  beforeAll(async () => {
    doors = await openDoors(fleet, 'tls', tokens);
    const Client = grpc.makeClientConstructor(serviceDefinition('Query'), 'Query');
    client = new Client(doors.grpcAddress, grpc.credentials.createInsecure()) as unknown as typeof client;
  });

  afterAll(async () => {
    client.close();
    await doors.close();
  });

  const bearer = (token: string): grpc.Metadata => {
    const metadata = new grpc.Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    return metadata;
  };

  test.each([
    ['read', read, false],
    ['read:cmdline', withCmdlines, true],
  ])('%s asks by gRPC and by HTTP', async (_, token, isShown) => {
    const message = await new Promise<object>((resolve, reject) => {
      client['connections']!({ q: '' }, bearer(token), (error: Error | null, answer: object) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
    expect(JSON.stringify(message).includes(secret)).toBe(isShown);
    const response = await fetch(`http://${doors.httpAddress}/api/v1/connections`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect((await response.text()).includes(secret)).toBe(isShown);
  });

  test('a stream of gRPC ends when its token is taken back, and says why', async () => {
    const token = tokens.give('carl', 'read');
    const stream = client['watch']!({ q: '' }, bearer(token));
    const kinds: string[] = [];
    stream.on('data', (message: object) => {
      kinds.push(documentFromMessage<WatchDocument>('WatchDocument', message).kind);
    });
    const ended = new Promise<grpc.ServiceError>((resolve) => stream.on('error', resolve));
    await until('the stream started', () => kinds.length === 1);
    expect(doors.guards.gate.held).toBe(1);
    tokens.takeBack('carl', 'token id-carl was revoked');
    doors.guards.gate.sweep();
    expect(await ended).toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details: 'token id-carl was revoked',
    });
    expect(doors.guards.gate.held).toBe(0);
  });

  test('a stream of HTTP ends likewise, and the next request says why', async () => {
    const token = tokens.give('dora', 'read');
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`http://${doors.httpAddress}/api/v1/watch`, { headers });
    expect(response.status).toBe(200);
    expect(doors.guards.gate.held).toBe(1);
    tokens.takeBack('dora', 'token id-dora expired');
    doors.guards.gate.sweep();
    await expect(response.text()).rejects.toThrow();
    const again = await fetch(`http://${doors.httpAddress}/api/v1/watch`, { headers });
    expect([again.status, again.headers.get('www-authenticate'), await again.json()]).toEqual([
      401,
      'Bearer',
      { error: { code: 'bad-credentials', message: 'token id-dora expired', column: null } },
    ]);
  });

  test('a stream that its reader ends is not looked at any more', async () => {
    const stream = client['watch']!({ q: '' }, bearer(read));
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('data', resolve));
    const abort = new AbortController();
    await fetch(`http://${doors.httpAddress}/api/v1/watch`, {
      headers: { authorization: `Bearer ${read}` },
      signal: abort.signal,
    });
    expect(doors.guards.gate.held).toBe(2);
    stream.cancel();
    abort.abort();
    await until('both are gone', () => doors.guards.gate.held === 0);
  });
});
