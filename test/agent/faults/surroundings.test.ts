/** What a kernel, a sandbox or an installation may lack: the next rung is taken, the rows are the same, and it is said. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Place, repository, rowsHeldBy, withMounts } from '../../support/faults/place.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { unknownNetworks, withoutEbpf, withoutSockdiag } from './sentences.ts';

const vmlinux = '/sys/kernel/btf/vmlinux';

/** @param make shell command that writes what stands there instead of the kernel's own description */
function withBtf(make: string): string[] {
  return withMounts(`${make} >/mnt/vmlinux\nmount --bind /mnt/vmlinux ${vmlinux}`);
}

const noKoffi = withMounts(`mount -t tmpfs none ${repository}node_modules/koffi`);

describe.runIf(canMakeNamespaces)('without', () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.open();
  });
  afterAll(() => place.close());

  /** Name, prefix of the scanner's command, its options, its rung, and what it cannot see. */
  it.each<[string, string[], string[], string, (string | RegExp)[]]>([
    [
      'BTF',
      withMounts('mount -t tmpfs none /sys/kernel/btf'),
      [],
      'sockdiag',
      [withoutEbpf(`cannot read ${vmlinux}: ENOENT`, 'types')],
    ],
    [
      'anything in BTF',
      withBtf(':'),
      [],
      'sockdiag',
      [withoutEbpf(`${vmlinux} is damaged: no magic number`, 'types')],
    ],
    [
      'the end of BTF',
      withBtf(`head -c 1000000 ${vmlinux}`),
      [],
      'sockdiag',
      [
        /^Sockets are read without ebpf \(\/sys\/kernel\/btf\/vmlinux is damaged: cut off: 1000000 of \d+ bytes\)/,
      ],
    ],
    [
      'sense in BTF',
      withBtf(`{ head -c 4096 ${vmlinux}; head -c 1000000 /dev/zero; tail -c +1004097 ${vmlinux}; }`),
      [],
      'sockdiag',
      [
        /^Sockets are read without ebpf \(\/sys\/kernel\/btf\/vmlinux is damaged: type \d+ is of an unknown kind, 0\)/,
      ],
    ],
    [
      'bpf(2)',
      [],
      ['--forbid-bpf'],
      'sockdiag',
      [withoutEbpf('cannot create the map learned: EPERM', 'permission')],
    ],
    ['netlink', [], ['--forbid-netlink'], 'ebpf', [unknownNetworks('cannot open a netlink socket: EPERM')]],
    [
      'bpf(2) and netlink',
      [],
      ['--forbid-bpf', '--forbid-netlink'],
      'procfs',
      [
        withoutEbpf('cannot create the map learned: EPERM', 'permission'),
        withoutSockdiag('cannot open a netlink socket: EPERM'),
        unknownNetworks('cannot open a netlink socket: EPERM'),
      ],
    ],
    [
      'koffi',
      noKoffi,
      [],
      'procfs',
      [
        /^Sockets are read without ebpf \(cannot load koffi: /,
        /^Sockets are read without sockdiag \(cannot load koffi: /,
        /^Host-local container networks are not told apart from routed ones: cannot load koffi: /,
      ],
    ],
  ])('%s', async (_, prefix, options, collector, cannotSee) => {
    const scan = await place.scanOnce('auto', prefix, options);
    expect(scan.collector).toBe(collector);
    expect(scan.cannotSee).toEqual(
      cannotSee.map((sentence) =>
        typeof sentence === 'string' ? sentence : expect.stringMatching(sentence),
      ),
    );
    expect(place.rows(scan)).toEqual(rowsHeldBy('root', 'user'));
  });

  it('a /proc', async () => {
    const prefix = withMounts('mount -t tmpfs none /proc');
    await expect(place.scanOnce('auto', prefix)).rejects.toThrow(
      'cannot read /proc: no process is in it; name the place of /proc with --procfs',
    );
  });

  it.each(['ebpf', 'sockdiag'])('anything that %s needs, which was asked for: one line', async (source) => {
    const options = ['--forbid-bpf', '--forbid-netlink'];
    const scan = place.scanOnce(source, [], options);
    await expect(scan).rejects.toThrow(
      new RegExp(`^${source} does not work here: [^\\n]*EPERM; to get it: [^\\n]*\\.$`),
    );
  });
});
