/** The kernel's own answers, compared with what iproute2 says of the same namespace. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../agent/libc.ts';
import { InterfaceReader } from '../../../agent/netlink/interfaces.ts';
import { receiveBuffer } from '../../../agent/netlink/netlink-socket.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { isLoopback, parseIp } from '../../../model/ip.ts';

interface IpAddressEntry {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

describe("this namespace's interfaces", () => {
  it('have the addresses that ip lists', async () => {
    const reader = InterfaceReader.open(await loadLibc(), receiveBuffer());
    const { addresses } = await reader.read(new TimeSlice());
    // A second dump over the same socket gives the same, also in the smallest steps.
    expect((await reader.read(new TimeSlice(0))).addresses).toEqual(addresses);
    expect(reader.isHearing).toBe(true);
    reader.close();
    const listed = JSON.parse(
      execFileSync('ip', ['-json', 'address'], { encoding: 'utf8' }),
    ) as IpAddressEntry[];
    const expected = listed.flatMap(({ ifname, addr_info }) =>
      addr_info.map(({ local, prefixlen }) => ({
        ip: parseIp(local)!,
        prefixLength: prefixlen,
        device: ifname,
      })),
    );
    const inOrder = (entries: readonly object[]): string[] =>
      entries.map((entry) => JSON.stringify(entry)).toSorted();
    expect(inOrder(addresses)).toEqual(inOrder(expected.filter(({ ip }) => !isLoopback(ip))));
  });
});
