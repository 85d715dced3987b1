/** Rows meet their owners. */
import { expect, it } from 'vitest';
import { SocketOwners } from '../../../agent/resolve/socket-owners.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { process, row } from '../sockets.ts';

function owned(...rows: OwnedSocket[]): [SocketOwners, OwnedSocket[]] {
  const owners = new SocketOwners();
  for (const one of rows) owners.add(one);
  return [owners, rows];
}

function inWords({ owners }: OwnedSocket): string[] {
  return owners.map((owner) => `${owner.process.pid}: ${owner.fds.join(' ')}`);
}

it('several owners, several fds of one, and sockets of other families', () => {
  const [owners, rows] = owned(row({ inode: 7 }), row({ inode: 8 }), row({ inode: 9 }));
  owners.claim(process({ pid: 10 }), { fds: [6, 4, 5, 3], inodes: [7, 999, 8, 7] });
  owners.claim(process({ pid: 11 }), { fds: [3], inodes: [7] });
  owners.finish();
  expect(rows.map(inWords)).toEqual([['10: 3 6', '11: 3'], ['10: 5'], []]);
});

it('rows without an inode have no owner', () => {
  const [owners, rows] = owned(row({ inode: 0 }), row({ inode: 0 }));
  owners.claim(process({ pid: 10 }), { fds: [3], inodes: [0] });
  owners.finish();
  expect(rows.map(inWords)).toEqual([[], []]);
});

it('a doubled row has the owners of the first', () => {
  const [owners, rows] = owned(row({ inode: 7 }), row({ inode: 7, state: 'close-wait' }));
  owners.claim(process({ pid: 10 }), { fds: [3], inodes: [7] });
  owners.finish();
  expect(rows.map(inWords)).toEqual([['10: 3'], ['10: 3']]);
});

it('knows whether a process is worth reading', () => {
  const [owners] = owned(row({ inode: 7 }));
  expect(owners.concerns({ fds: [3], inodes: [8] })).toBe(false);
  expect(owners.concerns({ fds: [3, 4], inodes: [8, 7] })).toBe(true);
});
