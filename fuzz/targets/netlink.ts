/** Datagrams of netlink: what the kernel says of sockets, interfaces and translations. */
import { addressDump } from '../../agent/netlink/address.ts';
import { type ConntrackEntry, parseConntrackEntry } from '../../agent/netlink/conntrack-entry.ts';
import { ConntrackEvents } from '../../agent/netlink/conntrack-events.ts';
import { ConntrackMessageError } from '../../agent/netlink/conntrack-message.ts';
import { parseStatistics } from '../../agent/netlink/conntrack-table.ts';
import { DiagParser, everyState } from '../../agent/netlink/inet-diag.ts';
import { InterfaceReader } from '../../agent/netlink/interfaces.ts';
import { linkDump } from '../../agent/netlink/link.ts';
import { encodeMessage, messageTypes, parseDatagram } from '../../agent/netlink/message.ts';
import { NetlinkError } from '../../agent/netlink/netlink-error.ts';
import { parseNetnsId } from '../../agent/netlink/netns-id.ts';
import { SockDiag } from '../../agent/netlink/sock-diag.ts';
import { parseDestroyed } from '../../agent/netlink/tcp-destroy.ts';
import { parseAnswer } from '../../agent/netlink/tcp-info.ts';
import { TimeSlice } from '../../agent/procfs/time-slice.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import { exchangeThatReceives } from '../../test/agent/netlink/fake-datagrams.ts';
import { fakeLibc } from '../../test/agent/netlink/fake-libc.ts';
import { recorded } from '../corpus.ts';
import { expectCount, expectIp, expectPort, expectPrefix, expectPrefixLength } from '../promises.ts';
import { expectThat, type Target } from '../target.ts';

const netns = 4026531840;

/** Ends a dump, as the first request of a socket numbers it. */
function done(sequence: number): Buffer {
  return encodeMessage({ type: messageTypes.done, flags: 2, sequence, payload: Buffer.alloc(4) });
}

/** Messages that begin with inet_diag_msg, in each of the ways in which they come. */
const sockDiag: Target = {
  name: 'sock-diag',
  seeds: () => [],
  tokens: [Buffer.from([2, 10, 0, 0]), Buffer.from([20, 0, 2, 0, 1, 0, 0, 0]), Buffer.from([18, 0]), done(1)],
  async run(input) {
    const diag = SockDiag.open(fakeLibc([[input, done(1)]]), netns);
    const query = { protocol: 'tcp', states: everyState, families: ['ipv4'] } as const;
    const { rows, malformed, malformedTotal } = await diag.dump(query, new TimeSlice());
    expectThat(malformed.length <= malformedTotal, 'malformed rows are counted');
    for (const { local, remote, inode, uid } of rows) {
      for (const { ip, port } of [local, remote]) {
        expectIp(ip);
        expectPort(port);
      }
      expectCount(inode, 'inode');
      expectCount(uid, 'uid');
    }
    return [rows.length, malformedTotal, rows.at(-1), malformed.map(({ column }) => column)];
  },
  refusals: [NetlinkError],
};

const tcpNews: Target = {
  name: 'tcp-news',
  seeds: () => ['tcp4-0', 'tcp6-0'].map((file) => recorded(`fuzz/corpus/sock-diag/${file}.bin`)),
  tokens: [Buffer.from([2, 10, 0, 0]), Buffer.from([20, 0, 2, 0, 1, 0, 0, 0]), Buffer.from([240, 0, 2, 0])],
  run(input) {
    const destroyed = parseDestroyed(new DiagParser(netns), input);
    const answer = parseAnswer(input.subarray(16));
    for (const { counters } of [destroyed, answer].filter((each) => each !== null)) expectCounters(counters);
    for (const end of destroyed === null ? [] : [destroyed.local, destroyed.remote]) {
      expectIp(end.ip);
      expectPort(end.port);
    }
    return [destroyed, answer];
  },
};

function expectCounters({ bytesSent, bytesReceived, rttUs, retransmits }: SocketCounters): void {
  expectThat(Math.min(bytesSent, bytesReceived) >= 0, 'counters are not below zero');
  expectCount(rttUs ?? 0, 'rttUs');
  expectCount(retransmits ?? 0, 'retransmits');
}

/** Both dumps of a namespace's interfaces are the same bytes: each passes over what is meant for the other. */
const route: Target = {
  name: 'route',
  seeds: () => [],
  tokens: [
    Buffer.from([16, 0, 2, 0, 1, 0, 0, 0]),
    Buffer.from([20, 0, 2, 0, 1, 0, 0, 0]),
    'bridge',
    'veth',
    'eth0\0',
  ]
    .concat([Buffer.from([8, 0, 1, 0]), Buffer.from([8, 0, 2, 0]), Buffer.from([0x80, 0x12])])
    .flatMap((token) => [token, token]),
  async run(input) {
    const second = Buffer.from(input);
    // The sequence of the second dump, in the first message.
    if (second.length >= 16) second.writeUInt32LE(2, 8);
    const reader = InterfaceReader.open(
      fakeLibc([
        [input, done(1)],
        [second, done(2)],
      ]),
      Buffer.alloc(1 << 17),
    );
    const netnsIds = parseDatagram(input).map(parseNetnsId);
    const messages = parseDatagram(input);
    const parsed = [messages.map(linkDump.parse), messages.map(addressDump.parse)];
    const { addresses, localNetworks } = await reader.read(new TimeSlice(), () => () => false);
    for (const { ip, prefixLength } of addresses) expectPrefixLength(ip, prefixLength);
    for (const network of localNetworks) expectPrefix(network);
    return [addresses, localNetworks, netnsIds.length, parsed];
  },
  refusals: [NetlinkError],
};

const conntrack: Target = {
  name: 'conntrack',
  seeds: () => [],
  tokens: [1, 2, 3, 4, 7, 12, 18].map((type) => Buffer.from([8, 0, type, type < 5 ? 0x80 : 0])),
  run(input) {
    const { exchange } = exchangeThatReceives([[input]]);
    const { entries } = ConntrackEvents.open(exchange).take();
    for (const entry of entries) expectEntry(entry);
    const whole = parseConntrackEntry(input, 0, input.length);
    if (whole !== null) expectEntry(whole);
    return [entries, whole, parseStatistics(input, 0, input.length)];
  },
  refusals: [ConntrackMessageError],
};

function expectEntry({ original, reply, zone, id }: ConntrackEntry): void {
  for (const { ip, port } of [original.source, original.destination, reply.source, reply.destination]) {
    expectIp(ip);
    expectPort(port);
  }
  expectPort(zone);
  expectCount(id, 'id');
}

export const netlinkTargets: readonly Target[] = [sockDiag, tcpNews, route, conntrack];
