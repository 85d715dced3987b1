/** Interfaces of real namespaces that change: what is heard, and what is read after it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadLibc } from '../../../agent/libc.ts';
import { InterfaceWatch } from '../../../agent/netlink/interface-watch.ts';
import type { Interfaces } from '../../../agent/netlink/interfaces.ts';
import { NetlinkError } from '../../../agent/netlink/netlink-error.ts';
import { readNetnsInode } from '../../../agent/procfs/pid-netns.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { formatPrefix } from '../../../model/ip.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';

/** Later than any pause after a reading. */
const later = Number.MAX_SAFE_INTEGER;

describe.runIf(canMakeNamespaces)('a watched namespace', () => {
  const namespaces: Namespace[] = [];
  let watch: InterfaceWatch;
  let place: Namespace;
  let netns = 0;

  async function make(name: string): Promise<Namespace> {
    const made = await Namespace.open('container', name);
    namespaces.push(made);
    return made;
  }

  const inodeOf = (namespace: Namespace): number => readNetnsInode(`/proc/${namespace.pid}`) as number;
  const open = (namespace: Namespace): boolean =>
    watch.open(inodeOf(namespace), `/proc/${namespace.pid}/ns/net`);

  beforeEach(async () => {
    watch = new InterfaceWatch(await loadLibc());
    place = await make('place');
    netns = inodeOf(place);
    expect(open(place)).toBe(true);
    expect((await watch.read(netns, new TimeSlice())).addresses).toEqual([]);
  });
  afterEach(async () => {
    watch.close();
    await Promise.all(namespaces.splice(0).map((one) => one.close()));
  });

  /** What is read after the change was heard. */
  async function afterwards(lines: readonly string[]): Promise<Interfaces> {
    watch.listen();
    // What an earlier change left to settle, such as a link that comes up.
    if (watch.hasNews(netns, later)) await watch.read(netns, new TimeSlice());
    await place.ip(lines);
    watch.listen();
    expect(watch.hasNews(netns, later)).toBe(true);
    const interfaces = await watch.read(netns, new TimeSlice());
    watch.listen();
    return interfaces;
  }

  const networks = ({ localNetworks }: Interfaces): string[] => localNetworks.map(formatPrefix);

  it('is quiet while nothing changes', () => {
    const before = watch.readingsTotal;
    for (let i = 0; i < 100; i++) {
      watch.listen();
      expect(watch.hasNews(netns, later)).toBe(false);
    }
    expect(watch.readingsTotal).toBe(before);
    expect(watch.isHearing(netns)).toBe(true);
  });

  it('tells of addresses that come and go', async () => {
    const added = await afterwards([
      'link add br1 type bridge',
      'link set br1 up',
      'addr add 192.0.2.7/24 dev br1',
      'addr add fd77::7/64 dev br1 nodad',
    ]);
    expect(added.addresses).toContainEqual({ ip: '192.0.2.7', prefixLength: 24, device: 'br1' });
    expect(added.addresses).toContainEqual({ ip: 'fd77::7', prefixLength: 64, device: 'br1' });
    const { addresses } = await afterwards(['addr del 192.0.2.7/24 dev br1']);
    expect(addresses.map(({ ip }) => ip)).not.toContain('192.0.2.7');
  });

  it('is read again after a rest only, however much changes', async () => {
    await place.ip(['link add br1 type bridge']);
    watch.listen();
    expect(watch.hasNews(netns, 0)).toBe(false);
    expect(watch.hasNews(netns, later)).toBe(true);
  });

  it('has a network of its own as long as no port of the bridge leads elsewhere', async () => {
    const container = await make('container');
    const local = await afterwards([
      'link add br0 type bridge',
      'addr add 172.30.0.1/24 dev br0',
      'link set br0 up',
      `link add veth1 type veth peer name eth0 netns ${container.pid}`,
      'link set veth1 master br0 up',
    ]);
    expect(networks(local)).toEqual(['172.30.0.0/24']);
    const uplink = ['tuntap add uplink0 mode tap', 'link set uplink0 master br0 up'];
    expect(networks(await afterwards(uplink))).toEqual([]);
    // The kernel tells of a port that leaves with RTM_DELLINK of the bridge's family, though the link is still there.
    const left = await afterwards(['link set uplink0 nomaster']);
    expect(networks(left)).toEqual(['172.30.0.0/24']);
    const overlay = ['link add vxlan0 type vxlan id 7 dstport 4789', 'link set vxlan0 master br0'];
    expect(networks(await afterwards(overlay))).toEqual([]);
    expect(networks(await afterwards(['link del vxlan0']))).toEqual(['172.30.0.0/24']);
    // A veth pair into the same namespace may go on to anywhere.
    const pair = ['link add here type veth peer name there', 'link set here master br0'];
    expect(networks(await afterwards(pair))).toEqual([]);
  });

  it('has no network of its own where a port of the bridge leads to nobody here', async () => {
    const [container, beyond] = [await make('container'), await make('beyond')];
    const folder = ({ pid }: Namespace): { path: string }[] => [{ path: `/proc/${pid}` }];
    const here = [place, container].map((one) => [inodeOf(one), folder(one)] as const);
    const everybody = { isComplete: true, namespaces: new Map(here) };
    await place.ip([
      'link add br0 type bridge',
      'addr add 172.30.0.1/24 dev br0',
      `link add veth1 type veth peer name eth0 netns ${container.pid}`,
      'link set veth1 master br0 up',
    ]);
    const fresh = new InterfaceWatch(await loadLibc());
    fresh.open(netns, `/proc/${place.pid}/ns/net`);
    const read = async (): Promise<string[]> => {
      fresh.listen(everybody);
      return networks(await fresh.read(netns, new TimeSlice()));
    };
    expect(await read()).toEqual(['172.30.0.0/24']);
    await place.ip([
      `link add uplink0 type veth peer name port7 netns ${beyond.pid}`,
      'link set uplink0 master br0 up',
    ]);
    // It may be a container that is being made.
    expect(await read()).toEqual(['172.30.0.0/24']);
    fresh.drop(netns);
    fresh.open(netns, `/proc/${place.pid}/ns/net`);
    expect(await read()).toEqual([]);
    // Somebody turns up there after all: then it is one.
    everybody.namespaces.set(inodeOf(beyond), folder(beyond));
    fresh.listen({ ...everybody, namespaces: new Map(everybody.namespaces) });
    expect(await read()).toEqual(['172.30.0.0/24']);
    fresh.close();
  });

  it('is read as it is after more changes than the kernel keeps', async () => {
    await place.ip(['link add br1 type bridge', 'link set br1 up']);
    const addresses = Array.from({ length: 2000 }, (_, i) => `10.77.${i >> 8}.${i & 255}`);
    const read = await afterwards(addresses.map((ip) => `addr add ${ip}/32 dev br1`));
    expect(read.addresses.map(({ ip }) => ip).filter((ip) => ip.startsWith('10.77.'))).toEqual(addresses);
    expect(watch.hasNews(netns, later)).toBe(false);
  });

  it('lives no longer than it is watched', async () => {
    const other = await make('other');
    expect(open(other)).toBe(true);
    expect(watch.size).toBe(2);
    watch.drop(inodeOf(other));
    watch.drop(inodeOf(other));
    expect(watch.size).toBe(1);
    watch.listen();
    expect(watch.hasNews(inodeOf(other), later)).toBe(false);
  });

  it('beyond the limit is refused and counted', async () => {
    const one = new InterfaceWatch(await loadLibc(), 1);
    expect(one.open(netns, `/proc/${place.pid}/ns/net`)).toBe(true);
    const other = await make('other');
    expect(() => one.open(inodeOf(other), `/proc/${other.pid}/ns/net`)).toThrow(NetlinkError);
    expect(one.refusedTotal).toBe(1);
    one.close();
  });
});
