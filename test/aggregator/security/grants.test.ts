/** The file of grants: what follows from its lines, what two writers side by side leave, and what damage costs. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  endedBetween,
  essence,
  type GrantRecord,
  Grants,
  parseGrantRecord,
} from '../../../aggregator/security/grants.ts';
import { GrantsFile } from '../../../aggregator/security/grants-file.ts';
import { bearerOf, createToken, findToken, hashOf } from '../../../aggregator/security/tokens.ts';
import { fc } from '../../support/random-cases.ts';

const dayMs = 86_400_000;
let folder: string;
let path: string;
let file: GrantsFile;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-grants-'));
  path = join(folder, 'grants.jsonl');
  file = new GrantsFile(path);
});
afterEach(() => rmSync(folder, { recursive: true }));

const join7 = { name: 'join', grants: { kind: 'join', host: null }, lifeMs: 600_000 } as const;
const reader = { name: 'ann', grants: { kind: 'roles', roles: ['read'] }, lifeMs: null } as const;

describe('tokens', () => {
  test('of 256 bits, of which the file has the hash alone', () => {
    const { secret, id, untilMs } = createToken(file, join7, 1000);
    expect(secret).toMatch(/^wtjoin_[\w-]{43}$/);
    expect(untilMs).toBe(601_000);
    const text = readFileSync(path, 'utf8');
    expect(text).not.toContain(secret);
    expect(text).toContain(hashOf(secret));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(findToken(file.current(), secret, 'join', 1000)).toMatchObject({ id, used: null });
  });

  test.each([
    ['not known', 'wtjoin_x', 0, 'this token is not known here'],
    ['expired', null, 600_000, /^token [0-9a-f]{8} expired at 1970-01-01T00:10:00Z$/],
  ])('%s: says so', (_, shown, nowMs, message) => {
    const { secret } = createToken(file, join7, 0);
    expect(findToken(file.current(), shown ?? secret, 'join', nowMs)).toMatch(message);
  });

  test('are good for what they were made for', () => {
    const [joining, reading] = [createToken(file, join7, 0), createToken(file, reader, 0)];
    expect(findToken(file.current(), reading.secret, 'join', 0)).toBe(
      `token ${reading.id} is no join token; "whotalks token create --join" makes one`,
    );
    expect(bearerOf(file.current(), joining.secret, 0)).toEqual({
      kind: 'anonymous',
      refused: `token ${joining.id} is a join token, with which an agent enrols and nothing else`,
    });
    expect(bearerOf(file.current(), reading.secret, 0)).toEqual({
      kind: 'bearer',
      tokenId: reading.id,
      name: 'ann',
      roles: new Set(['read']),
    });
  });

  test('that were revoked are no good, also before they end', () => {
    const { secret, id } = createToken(file, reader, 0);
    file.append({ do: 'revoke', id, atMs: 5000 });
    expect(bearerOf(file.current(), secret, 6000)).toEqual({
      kind: 'anonymous',
      refused: `token ${id} was revoked at 1970-01-01T00:00:05Z`,
    });
  });
});

describe('two writers', () => {
  test('see what the other adds', () => {
    const other = new GrantsFile(path);
    const { id } = createToken(other, reader, 0);
    expect(file.current().tokens.get(id)?.name).toBe('ann');
    file.append({ do: 'ban', host: 'web-7', atMs: 1 });
    expect([...other.current().bans.keys()]).toEqual(['web-7']);
  });

  test('of two uses the first one counts, for both', () => {
    const other = new GrantsFile(path);
    const { id } = createToken(file, join7, 0);
    file.append({ do: 'use', id, by: 'host a', key: 'k1', atMs: 1 });
    other.append({ do: 'use', id, by: 'host b', key: 'k2', atMs: 2 });
    const used = { by: 'host a', key: 'k1', atMs: 1 };
    expect(file.current().tokens.get(id)?.used).toEqual(used);
    expect(other.current().tokens.get(id)?.used).toEqual(used);
  });

  test('go on after the file was made shorter', () => {
    const other = new GrantsFile(path);
    file.append({ do: 'ban', host: 'evil', atMs: 1 });
    const certify = (host: string): GrantRecord => ({
      do: 'certify',
      host,
      serial: '1',
      key: 'k',
      untilMs: 40 * dayMs,
    });
    for (let i = 0; i < 40; i++) file.append(...Array.from({ length: 100 }, () => certify(`h${i}`)));
    const before = statSync(path).size;
    expect(other.current().certified.size).toBe(40);
    file.compact(20 * dayMs);
    expect(statSync(path).size).toBeLessThan(before / 50);
    other.append({ do: 'ban', host: 'web-7', atMs: 2 });
    expect([...file.current().bans.keys()]).toEqual(['evil', 'web-7']);
    expect(file.current().certified.size).toBe(40);
    expect([...other.current().bans.keys()]).toEqual(['evil', 'web-7']);
  });
});

describe('damage', () => {
  test('a torn line is no grant, and what comes after it is one', () => {
    appendFileSync(path, '{"do":"ban","host":"a","atMs":1}\n{"do":"ban","ho');
    expect([...file.current().bans.keys()]).toEqual(['a']);
    file.append({ do: 'ban', host: 'b', atMs: 2 });
    expect([...file.current().bans.keys()]).toEqual(['a', 'b']);
    expect(file.malformed).toBe(1);
  });

  test('lines of any kind are passed over and counted', () => {
    writeFileSync(
      path,
      'hello\n{"do":"dance"}\n{"do":"ban"}\n[]\nnull\n{"do":"unban","host":"a","atMs":"1"}\n',
    );
    expect(file.current().bans.size).toBe(0);
    expect(file.malformed).toBe(6);
  });

  test('any text is a record or none, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const record = parseGrantRecord(text);
        if (record !== null) new Grants().apply(record);
      }),
    );
  });
});

test('the essence says what all records said', () => {
  const { id } = createToken(file, join7, 0);
  const old = createToken(file, { ...join7, lifeMs: 1 }, 0);
  file.append(
    { do: 'use', id, by: 'host a', key: 'k', atMs: 1 },
    { do: 'use', id, by: 'host b', key: 'l', atMs: 2 },
    { do: 'certify', host: 'a', serial: '1', key: 'k', untilMs: 5 },
    { do: 'certify', host: 'a', serial: '2', key: 'l', untilMs: 100 * dayMs },
    { do: 'ban', host: 'a', atMs: 3 },
    { do: 'ban', host: 'b', atMs: 4 },
    { do: 'unban', host: 'b', atMs: 5 },
  );
  const shorter = new Grants();
  for (const record of essence(file.current(), 30 * dayMs + 100)) shorter.apply(record);
  expect([...shorter.tokens.keys()]).toEqual([id]);
  expect(file.current().tokens.has(old.id)).toBe(true);
  expect(shorter.tokens.get(id)).toEqual(file.current().tokens.get(id));
  expect([...shorter.bans]).toEqual([['a', 3]]);
  expect(shorter.certified.get('a')).toEqual({ serial: '2', key: 'l', untilMs: 100 * dayMs });
});

test('tokens that end by themselves are found once', () => {
  const { id } = createToken(file, { ...reader, lifeMs: 5000 }, 1000);
  const joining = createToken(file, { ...join7, lifeMs: 5000 }, 1000);
  const ended = (fromMs: number, toMs: number): string[] =>
    endedBetween(file.current(), fromMs, toMs).map((token) => token.id);
  expect(ended(1000, 5999)).toEqual([]);
  expect(ended(5999, 6000)).toEqual([id, joining.id]);
  expect(ended(6000, 9000)).toEqual([]);
  file.append({ do: 'use', id: joining.id, by: 'host a', key: 'k', atMs: 2000 });
  expect(ended(0, 9000)).toEqual([id]);
  file.append({ do: 'revoke', id, atMs: 3000 });
  expect(ended(0, 9000)).toEqual([]);
});
