/** Tokens as they are made, used, revoked and expire, at both doors: who comes through with each, and what everybody else is told. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AuditEvent } from '../../../aggregator/security/audit.ts';
import { grantsPath } from '../../../aggregator/security/authority.ts';
import type { TokenGrants } from '../../../aggregator/security/grants.ts';
import { GrantsFile } from '../../../aggregator/security/grants-file.ts';
import type { TokenRole } from '../../../aggregator/security/identity.ts';
import { GrantProofs } from '../../../aggregator/security/proofs.ts';
import { createToken } from '../../../aggregator/security/tokens.ts';
import { type GuardedDoors, openDoors } from '../../support/guarded-doors.ts';
import { tellStory } from '../serve/story.ts';

const hourMs = 3_600_000;
const startMs = Date.parse('2026-11-23T09:00:00Z');
const told: AuditEvent[] = [];
let folder: string;
let grants: GrantsFile;
let doors: GuardedDoors;
let nowMs = startMs;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-granted-'));
  mkdirSync(join(folder, 'security'));
  grants = new GrantsFile(grantsPath(join(folder, 'security')));
  const proofs = new GrantProofs({ grants, audit: (event) => told.push(event), clock: () => nowMs });
  doors = await openDoors(tellStory().fleet, 'tls', proofs);
});
beforeEach(() => {
  nowMs = startMs;
  told.length = 0;
});
afterAll(async () => {
  await doors.close();
  rmSync(folder, { recursive: true });
});

const make = (granted: TokenGrants) =>
  createToken(grants, { name: 'ann', grants: granted, lifeMs: hourMs }, nowMs);
const withRoles = (...roles: readonly TokenRole[]) => make({ kind: 'roles', roles });

/** Asks for connections. @returns the status, and whether command lines are in the answer, or the error */
async function ask(secret: string): Promise<readonly [status: number, what: boolean | string]> {
  const response = await fetch(`http://${doors.httpAddress}/api/v1/connections`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  const body = (await response.json()) as { error?: { code: string; message: string } };
  if (body.error !== undefined) return [response.status, `${body.error.code}: ${body.error.message}`];
  return [response.status, /"cmdline":"/.test(JSON.stringify(body))];
}

test.each([
  ['read', false],
  ['read:cmdline', true],
  ['admin', true],
] as const)('a token of the role %s', async (role, seesCmdlines) => {
  const { id, secret } = withRoles(role);
  expect(await ask(secret)).toEqual([200, seesCmdlines]);
  expect(await ask(secret)).toEqual([200, seesCmdlines]);
  const firstUses = told.filter(({ kind }) => kind === 'token-first-used');
  expect(firstUses.map(({ subject }) => subject)).toEqual([`token ${id} (ann)`]);
});

test('a join token lets nobody ask', async () => {
  const { id, secret } = make({ kind: 'join', host: null });
  expect(await ask(secret)).toEqual([
    401,
    `bad-credentials: token ${id} is a join token, with which an agent enrols and nothing else`,
  ]);
});

test('one that is over, revoked or made up says so', async () => {
  const [over, revoked] = [withRoles('admin'), withRoles('admin')];
  grants.append({ do: 'revoke', id: revoked.id, atMs: nowMs });
  expect(await ask(revoked.secret)).toEqual([
    401,
    `bad-credentials: token ${revoked.id} was revoked at 2026-11-23T09:00:00Z`,
  ]);
  nowMs += hourMs;
  expect(await ask(over.secret)).toEqual([
    401,
    `bad-credentials: token ${over.id} expired at 2026-11-23T10:00:00Z`,
  ]);
  expect(await ask(`${over.secret}x`)).toEqual([401, 'bad-credentials: this token is not known here']);
});

test('one that is over or revoked ends what it has open', async () => {
  const [first, second] = [withRoles('read'), withRoles('read')];
  const streams = await Promise.all(
    [first, second].map(({ secret }) =>
      fetch(`http://${doors.httpAddress}/api/v1/watch`, { headers: { authorization: `Bearer ${secret}` } }),
    ),
  );
  const { gate } = doors.guards;
  gate.sweep();
  expect([streams.map(({ status }) => status), gate.held]).toEqual([[200, 200], 2]);
  grants.append({ do: 'revoke', id: first.id, atMs: nowMs });
  gate.sweep();
  expect(gate.held).toBe(1);
  nowMs += hourMs;
  gate.sweep();
  expect(gate.held).toBe(0);
  for (const stream of streams) await expect(stream.text()).rejects.toThrow();
});
