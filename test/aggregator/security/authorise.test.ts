/** The one function that decides, on its own: every action of the table for every kind of caller. */
import { describe, expect, test } from 'vitest';
import { authorise, needs, showsCmdlines } from '../../../aggregator/security/authorise.ts';
import type { Identity, TokenRole } from '../../../aggregator/security/identity.ts';

const bearer = (...roles: TokenRole[]): Identity => ({
  kind: 'bearer',
  tokenId: '1',
  name: 'ann',
  roles: new Set(roles),
});

/** What each may do, of what there is to need. */
const mayOf: readonly (readonly [string, Identity, readonly string[], boolean])[] = [
  ['local', { kind: 'local' }, ['nothing', 'certificate', 'read', 'admin'], true],
  ['insecure', { kind: 'insecure' }, ['nothing', 'certificate', 'read', 'admin'], true],
  ['agent', { kind: 'agent', hostId: 'h', serial: '1' }, ['nothing', 'certificate'], false],
  ['anonymous', { kind: 'anonymous', refused: null }, ['nothing'], false],
  ['a token that is over', { kind: 'anonymous', refused: 'token 1 expired' }, ['nothing'], false],
  ['a token without a role', bearer(), ['nothing'], false],
  ['read', bearer('read'), ['nothing', 'read'], false],
  ['read:cmdline', bearer('read:cmdline'), ['nothing', 'read'], true],
  ['admin', bearer('admin'), ['nothing', 'read', 'admin'], true],
];

describe.each(mayOf)('%s', (_, identity, may, seesCmdlines) => {
  test.each([...needs])('%s, which takes %s', (action, need) => {
    const verdict = authorise(identity, action);
    expect(verdict.kind).toBe(may.includes(need) ? 'allowed' : 'refused');
    if (verdict.kind === 'allowed' && need === 'read') expect(verdict.sight.cmdlines).toBe(seesCmdlines);
    // Where nothing is needed nobody is known, and so nobody sees anything.
    if (verdict.kind === 'allowed' && need === 'nothing' && identity.kind === 'bearer')
      expect(verdict.sight.cmdlines).toBe(false);
  });

  test('what is in no table', () => {
    expect(authorise(identity, 'GET /api/v1/secrets')).toEqual({
      kind: 'refused',
      refusal: { reason: 'not-listed', message: 'nobody may do GET /api/v1/secrets' },
    });
  });
});

test.each([
  [
    bearer('read'),
    '/whotalks.v1.Ingest/Stream',
    'wrong-role',
    'a token does not let report: Ingest/Stream takes the certificate of an agent, which "whotalks agent" gets with a join token',
  ],
  [
    bearer(),
    '/whotalks.v1.Query/Hosts',
    'wrong-role',
    'this token may nothing; Query/Hosts takes a token of the role read',
  ],
  [
    { kind: 'agent', hostId: 'h', serial: '1' } as const,
    'GET /api/v1/hosts',
    'wrong-role',
    'the certificate of an agent lets report; GET /api/v1/hosts takes a token of the role read',
  ],
  [
    { kind: 'anonymous', refused: null } as const,
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    'no-credentials',
    'ServerReflection/ServerReflectionInfo takes a token of the role read, and nothing was shown',
  ],
  [
    { kind: 'anonymous', refused: null } as const,
    '/whotalks.v1.Ingest/Stream',
    'no-credentials',
    'Ingest/Stream takes the certificate of an agent, which it gets with a join token, and nothing was shown',
  ],
  [
    { kind: 'anonymous', refused: 'token 3f expired at 2026-01-01T00:00:00Z' } as const,
    'GET /metrics',
    'bad-credentials',
    'token 3f expired at 2026-01-01T00:00:00Z',
  ],
])('%j at %s is told %s', (identity, action, reason, message) => {
  expect(authorise(identity, action)).toEqual({ kind: 'refused', refusal: { reason, message } });
});

test('answers with command lines are known', () => {
  const shown = [...needs.keys()]
    .filter(showsCmdlines)
    .map((action) => action.split('/').at(-1)!.toLowerCase());
  expect(shown.toSorted()).toEqual(
    ['connections', 'to', 'listeners', 'watch'].flatMap((name) => [name, name]).toSorted(),
  );
});
