/** What stat tells of the fd folder of real processes. */
import { closeSync, openSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type FdFolder, isSameFolder, readFdFolder } from '../../../agent/procfs/fd-folder.ts';
import { gone, isUnread } from '../../../agent/procfs/proc-file.ts';

/** Linux 6.2 and later. */
const isCountTold = statSync('/proc/self/fd').size > 0;

function folderOf(path: string): FdFolder {
  const folder = readFdFolder(path);
  if (isUnread(folder)) throw new Error(`${path}: ${folder.unread}`);
  return folder;
}

it.skipIf(!isCountTold)('the number of open fds', () => {
  const before = folderOf('/proc/self');
  const fd = openSync('/dev/null', 'r');
  const after = folderOf('/proc/self');
  closeSync(fd);
  expect(after.fdCount).toBe(before.fdCount + 1);
  expect(isSameFolder(before, after)).toBe(true);
});

it('each process has its own', () => {
  expect(isSameFolder(folderOf('/proc/self'), folderOf(`/proc/${process.pid}`))).toBe(true);
  expect(isSameFolder(folderOf('/proc/self'), folderOf(`/proc/${process.ppid}`))).toBe(false);
});

it('a process that is not there', () => expect(readFdFolder('/proc/999999999')).toBe(gone));
