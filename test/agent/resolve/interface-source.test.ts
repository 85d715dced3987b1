/** Interfaces of the own namespace, with and without netlink. */
import { afterEach, expect, it } from 'vitest';
import { type Libc, LibcError, type LoadLibc, loadLibc } from '../../../agent/libc.ts';
import { readLocalPortRange } from '../../../agent/procfs/ip-local-port-range.ts';
import { readNetnsInode } from '../../../agent/procfs/pid-netns.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import {
  InterfaceSource,
  type NamespacePlace,
  type ReadNamespace,
} from '../../../agent/resolve/interface-source.ts';
import { readNamespaceAddresses } from '../../../agent/resolve/namespace-addresses.ts';

const own: NamespacePlace = {
  inode: readNetnsInode('/proc/self') as number,
  paths: ['/proc/self'],
  isHost: true,
};

const opened: InterfaceSource[] = [];
afterEach(() => {
  for (const source of opened.splice(0)) source.close();
});

function sourceWith(load: LoadLibc): InterfaceSource {
  const source = new InterfaceSource('/proc', load);
  opened.push(source);
  return source;
}

const read = (source: InterfaceSource, place = own): Promise<ReadNamespace | null> =>
  source.read(place, new TimeSlice());

it('come from /proc without koffi, without local networks, and the reason is told', async () => {
  const source = sourceWith(() => Promise.reject(new LibcError('cannot load koffi: not installed')));
  expect(await read(source)).toEqual({
    addresses: readNamespaceAddresses('/proc/self'),
    localNetworks: [],
    isHidden: false,
    ephemeralPorts: readLocalPortRange('/proc'),
    problem: 'cannot load koffi: not installed',
  });
  // Nobody tells of changes, so it is read again after a while.
  const reading = { firstReadAtMs: 0, readAtMs: 1000 };
  expect(source.isDue(own, reading, 1900)).toBe(false);
  expect(source.isDue(own, reading, 2000)).toBe(true);
});

it('netlink is tried again with the host after it failed, and not with every namespace', async () => {
  let attempts = 0;
  const source = sourceWith(async () => {
    if (attempts++ === 0) throw new LibcError('cannot load koffi: busy');
    return loadLibc();
  });
  expect(await read(source)).toMatchObject({ problem: 'cannot load koffi: busy' });
  expect(await read(source, { ...own, isHost: false })).toMatchObject({
    addresses: readNamespaceAddresses('/proc/self'),
    problem: null,
  });
  expect(attempts).toBe(1);
  expect(await read(source)).toMatchObject({ problem: null });
  expect(attempts).toBe(2);
});

it('any other error is not swallowed', async () => {
  const source = sourceWith(async () => {
    const libc: Libc = await loadLibc();
    return { ...libc, socket: () => assertNever() };
  });
  await expect(read(source)).rejects.toThrow('a defect');
});

function assertNever(): never {
  throw new TypeError('a defect');
}

it.each([
  [
    'netlink is forbidden',
    { socket: () => -1, errno: (): number => 97 },
    'cannot open a netlink socket: EAFNOSUPPORT',
  ],
  [
    'a request is refused',
    { send: () => -1, errno: (): number => 1 },
    'cannot send a netlink request: EPERM',
  ],
])('where %s they come from /proc', async (_, calls: Partial<Libc>, problem) => {
  const source = sourceWith(async () => ({ ...(await loadLibc()), ...calls }));
  expect(await read(source)).toMatchObject({
    addresses: readNamespaceAddresses('/proc/self'),
    localNetworks: [],
    problem,
  });
});

it('where nobody tells of changes they are asked for now and then', async () => {
  const libc = await loadLibc();
  const source = sourceWith(async () => ({
    ...libc,
    bind: (fd, address, length) => (address.readUInt32LE(8) === 0 ? libc.bind(fd, address, length) : -1),
  }));
  expect(await read(source)).toMatchObject({ problem: null });
  const other = { ...own, isHost: false };
  expect(source.isDue(other, { firstReadAtMs: 0, readAtMs: 1000 }, 1900)).toBe(false);
  expect(source.isDue(other, { firstReadAtMs: 0, readAtMs: 1000 }, 2000)).toBe(true);
  expect(source.tables).toMatchObject([{ name: 'watched_namespaces', size: 1, refusedTotal: 0 }]);
});

it('a namespace whose processes are gone is not made up', async () => {
  const source = sourceWith(loadLibc);
  expect(await read(source, { inode: 1, paths: ['/proc/self', '/proc/0'], isHost: false })).toBeNull();
});

it('both ways know the same IPv4 addresses', async () => {
  const { addresses } = (await read(sourceWith(loadLibc)))!;
  const ipv4 = (all: readonly { ip: string }[]): string[] =>
    all
      .map(({ ip }) => ip)
      .filter((ip) => !ip.includes(':'))
      .toSorted();
  expect(ipv4(readNamespaceAddresses('/proc/self') as { ip: string }[])).toEqual(ipv4(addresses));
});
