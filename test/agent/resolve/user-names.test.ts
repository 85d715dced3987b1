/** Names of users, and how a change of the file is noticed. */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parsePasswd, UserNames } from '../../../agent/resolve/user-names.ts';

const folder = mkdtempSync(join(tmpdir(), 'whotalks-passwd-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('the first line of a uid names it', () => {
  const text = '# comment:x:9:\nroot:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\nwww-data:x:33:33:::\n';
  expect([...parsePasswd(text)]).toEqual([
    [0, 'root'],
    [33, 'www-data'],
  ]);
});

it('a changed file is read again, a vanished one forgotten', () => {
  const path = join(folder, 'passwd');
  const users = new UserNames(path);
  users.refresh();
  expect(users.nameOf(7)).toBeNull();
  writeFileSync(path, 'ann:x:7:7:::\n');
  users.refresh();
  expect(users.nameOf(7)).toBe('ann');
  writeFileSync(path, 'bob:x:7:7:::\n');
  utimesSync(path, 1000, 1000);
  users.refresh();
  expect(users.nameOf(7)).toBe('bob');
  rmSync(path);
  users.refresh();
  expect(users.nameOf(7)).toBeNull();
});
