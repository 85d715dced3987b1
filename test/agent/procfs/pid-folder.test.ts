/** The user of a process by its folder, beside what its status says. */
import { afterEach, expect, it } from 'vitest';
import { readPidFolder } from '../../../agent/procfs/pid-folder.ts';
import { readUid } from '../../../agent/procfs/pid-status.ts';
import { ChildNode } from '../collect/child-node.ts';

const children: ChildNode[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) await child.end();
});

const nobody = 65_534;

it.each([
  ['of one that was root', "process.seteuid(65534); console.log('up')", {}],
  ['of one that was started so', "console.log('up')", { uid: nobody }],
])('the effective user %s', async (_, script, options) => {
  const child = new ChildNode(`${script}; setInterval(() => {}, 1e6)`, options);
  children.push(child);
  await child.line();
  const path = `/proc/${child.pid}`;
  expect([readPidFolder(path)?.uid, readUid(path)]).toEqual([nobody, nobody]);
});

it('there is none of a process that is not there', () => {
  expect(readPidFolder('/proc/0')).toBeNull();
});
