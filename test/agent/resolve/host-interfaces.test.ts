/** Addresses of the own namespace when netlink is not to be had. */
import { expect, it } from 'vitest';
import { LibcError, loadLibc } from '../../../agent/libc.ts';
import { HostInterfaceSource } from '../../../agent/resolve/host-interfaces.ts';
import { readNamespaceAddresses } from '../../../agent/resolve/namespace-addresses.ts';

it('come from /proc, without local networks, and the reason is told', async () => {
  const source = new HostInterfaceSource(() =>
    Promise.reject(new LibcError('cannot load koffi: not installed')),
  );
  expect(await source.read('/proc/self')).toEqual({
    addresses: readNamespaceAddresses('/proc/self'),
    localNetworks: [],
    problem: 'cannot load koffi: not installed',
  });
});

it('netlink is tried again after it failed', async () => {
  let attempts = 0;
  const source = new HostInterfaceSource(async () => {
    if (attempts++ === 0) throw new LibcError('cannot load koffi: busy');
    return loadLibc();
  });
  expect((await source.read('/proc/self')).problem).toBe('cannot load koffi: busy');
  expect((await source.read('/proc/self')).problem).toBeNull();
  source.close();
});

it('any other error is not swallowed', async () => {
  const source = new HostInterfaceSource(() => Promise.reject(new TypeError('a defect')));
  await expect(source.read('/proc/self')).rejects.toThrow('a defect');
});

it('both ways know the same IPv4 addresses', async () => {
  const source = new HostInterfaceSource(loadLibc);
  const { addresses } = await source.read('/proc/self');
  source.close();
  const ipv4 = (all: readonly { ip: string }[]): string[] =>
    all
      .map(({ ip }) => ip)
      .filter((ip) => !ip.includes(':'))
      .toSorted();
  expect(ipv4(readNamespaceAddresses('/proc/self'))).toEqual(ipv4(addresses));
});
