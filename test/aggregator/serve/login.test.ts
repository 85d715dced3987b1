/** Logging in with a browser: what it gets and keeps, what others cannot do in its name, and when it is over. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PageSessions, sessionMaxMs, sessionsMax } from '../../../aggregator/security/page-sessions.ts';
import { publicNames, refusalOfHost, refusalOfOrigin } from '../../../aggregator/serve/host-names.ts';
import { type GuardedDoors, openDoors } from '../../support/guarded-doors.ts';
import { GivenTokens } from '../../support/guards.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

const ann = { kind: 'bearer', tokenId: 'id-ann', name: 'ann', roles: new Set(['read'] as const) } as const;

describe('a browser', () => {
  let tokens: GivenTokens;
  let doors: GuardedDoors;

  beforeEach(async () => {
    tokens = new GivenTokens();
    tokens.give('ann', 'read');
    doors = await openDoors(new ReportedFleet(), 'tls', tokens);
  });
  afterEach(() => doors.close());

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`http://${doors.httpAddress}${path}`, {
      method: 'POST',
      headers: { origin: `http://${doors.httpAddress}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const get = async (path: string, cookie: string) => {
    const response = await fetch(`http://${doors.httpAddress}${path}`, { headers: { cookie } });
    return [response.status, await response.json()] as const;
  };
  const logIn = async (): Promise<string> => {
    const response = await post('/login', { token: 'secret-ann' });
    expect(response.status).toBe(200);
    return response.headers.get('set-cookie')!.split(';', 1)[0]!;
  };

  test('gets a cookie for a token, and asks with it until it logs out', async () => {
    const response = await post('/login', { token: ' secret-ann\n' });
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-whotalks=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict$/,
    );
    const loggedIn = {
      apiVersion: 'whotalks/v1',
      needsToken: true,
      session: { name: 'ann', roles: ['read'] },
    };
    expect(await response.json()).toEqual(loggedIn);
    const cookie = response.headers.get('set-cookie')!.split(';', 1)[0]!;
    expect(await get('/session', `other=1; ${cookie}`)).toEqual([200, loggedIn]);
    expect((await get('/api/v1/hosts', cookie))[0]).toBe(200);
    const out = await post('/logout', {}, { cookie });
    expect(out.headers.get('set-cookie')).toMatch(/^__Host-whotalks=; Path=\/; Max-Age=0; /);
    expect((await get('/api/v1/hosts', cookie))[0]).toBe(401);
    expect(await get('/session', cookie)).toEqual([200, { ...loggedIn, session: null }]);
    expect(doors.guards.told.map(({ kind, subject }) => [kind, subject])).toEqual([
      ['logged-in', 'token id-ann (ann)'],
      ['logged-out', 'token id-ann (ann)'],
      ['refused', null],
    ]);
  });

  test('has no stream any more once it logged out', async () => {
    const cookie = await logIn();
    const stream = await fetch(`http://${doors.httpAddress}/api/v1/watch`, { headers: { cookie } });
    expect([stream.status, doors.guards.gate.held]).toEqual([200, 1]);
    doors.guards.gate.sweep();
    expect(doors.guards.gate.held).toBe(1);
    await post('/logout', {}, { cookie });
    doors.guards.gate.sweep();
    expect(doors.guards.gate.held).toBe(0);
    await expect(stream.text()).rejects.toThrow();
  });

  test('is told why a token is not good', async () => {
    const response = await post('/login', { token: 'guess' });
    expect(response.status).toBe(401);
    expect(response.headers.get('set-cookie')).toBe(null);
    expect(await response.json()).toEqual({
      error: { code: 'bad-credentials', message: 'this token is not known here', column: null },
    });
    expect(doors.guards.told.map(({ detail }) => detail)).toEqual(['login: this token is not known here']);
    for (const body of [{}, { token: 1 }, { token: ' ' }, [], null]) {
      expect((await post('/login', body)).status).toBe(400);
    }
    expect((await post('/login', { token: 'x'.repeat(5000) })).status).toBe(413);
  });

  test('is logged in no longer than its token is good, and hears why', async () => {
    const cookie = await logIn();
    tokens.takeBack('ann', 'token id-ann was revoked');
    expect(await get('/api/v1/hosts', cookie)).toEqual([
      401,
      { error: { code: 'bad-credentials', message: 'token id-ann was revoked', column: null } },
    ]);
  });

  test('logs in anew under another number, and the first one is over', async () => {
    const first = await logIn();
    const response = await post('/login', { token: 'secret-ann' }, { cookie: first });
    const second = response.headers.get('set-cookie')!.split(';', 1)[0]!;
    expect(second).not.toBe(first);
    expect((await get('/api/v1/hosts', first))[0]).toBe(401);
    expect((await get('/api/v1/hosts', second))[0]).toBe(200);
  });

  test.each([
    ['another site', 'https://evil.example'],
    ['a page without an origin', 'null'],
    ['nothing', ''],
  ])('that shows a page of %s sends nothing that counts', async (_, origin) => {
    const cookie = await logIn();
    for (const path of ['/login', '/logout']) {
      const response = await post(path, { token: 'secret-ann' }, { cookie, origin });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: { code: 'foreign-origin' } });
    }
    expect((await get('/api/v1/hosts', cookie))[0]).toBe(200);
  });

  test('changes nothing by opening an address', async () => {
    const cookie = await logIn();
    for (const path of ['/login', '/logout']) expect((await get(path, cookie))[0]).toBe(404);
    expect((await get('/api/v1/hosts', cookie))[0]).toBe(200);
  });

  test('that sends another name of the server is refused, logged in or not', async () => {
    const cookie = await logIn();
    const { httpServer } = doors;
    const response = await httpServer.inject({
      url: '/api/v1/hosts',
      headers: { cookie, host: 'evil.example' },
    });
    expect(response.statusCode).toBe(403);
    expect(response.json()).toMatchObject({ error: { code: 'foreign-host' } });
    expect(doors.guards.told.at(-1)).toMatchObject({ kind: 'refused', reason: 'foreign-host' });
  });
});

test('on loopback there is nothing to log in to', async () => {
  const doors = await openDoors(new ReportedFleet(), 'local');
  const response = await fetch(`http://${doors.httpAddress}/session`);
  expect(await response.json()).toEqual({ apiVersion: 'whotalks/v1', needsToken: false, session: null });
  await doors.close();
});

describe('logins', () => {
  test('are over after some hours', () => {
    const sessions = new PageSessions();
    const secret = sessions.begin(ann, 1_000);
    expect(sessions.find(secret, 999 + sessionMaxMs)?.identity).toBe(ann);
    expect(sessions.find(secret, 1_000 + sessionMaxMs)).toBe(null);
    expect(sessions.find(`${secret}x`, 1_000)).toBe(null);
    sessions.begin(ann, 1_000 + sessionMaxMs);
    expect([sessions.open, sessions.forgotten]).toEqual([1, 0]);
  });

  test('are of a bounded number of browsers', () => {
    const sessions = new PageSessions();
    const first = sessions.begin(ann, 0);
    const second = sessions.begin(ann, 0);
    for (let n = 2; n <= sessionsMax; n++) sessions.begin(ann, 0);
    expect([sessions.open, sessions.forgotten]).toEqual([sessionsMax, 1]);
    expect([sessions.find(first, 0), sessions.find(second, 0)?.identity]).toEqual([null, ann]);
  });
});

describe('names of a server that others reach', () => {
  const names = publicNames(['map.example.net', '0.0.0.0'], []);

  test.each(['10.0.0.1:7480', '[fd00::1]:7480', 'aggregator:7480', 'localhost', 'MAP.example.net:443'])(
    '%s is its own',
    (host) => expect(refusalOfHost(host, names)).toBe(null),
  );

  test.each([
    'evil.example',
    'evil.example:7480',
    'map.example.net.evil.example',
    '10.0.0.1.evil.example',
    '',
    'a b',
  ])('"%s" is none', (host) =>
    expect(refusalOfHost(host, names)).toEqual({
      reason: 'foreign-host',
      message:
        'this aggregator answers only to its addresses, the names of its certificate, and those of --http-name',
    }),
  );
});

test('a page is of this server when host and port are the same', () => {
  expect(refusalOfOrigin('https://map.example.net', 'map.example.net')).toBe(null);
  expect(refusalOfOrigin('http://127.0.0.1:7480', '127.0.0.1:7480')).toBe(null);
  for (const origin of [
    undefined,
    'null',
    'https://map.example.net:1',
    'https://map.example.net.evil',
    'x',
  ]) {
    expect(refusalOfOrigin(origin, 'map.example.net')?.reason).toBe('foreign-origin');
  }
});
