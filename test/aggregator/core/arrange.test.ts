/** Rows of a message as halves of the core: whose numbers, which scope, when, and what the state tells; one row per case. */

import { describe, expect, test } from 'vitest';
import {
  type AgentNumbers,
  arrange,
  closedTicks,
  loopback,
  signed,
} from '../../../aggregator/core/arrange.ts';
import { facts } from '../../../aggregator/core/connection-row.ts';
import { Halves } from '../../../aggregator/core/halves.ts';
import { never } from '../../../aggregator/core/ticks.ts';
import type { SocketState } from '../../../model/socket-state.ts';
import type { OpenColumns } from '../../../wire/agent-batch.ts';
import { ipv4ToNumber, packMeta, packPorts } from '../../../wire/packing.ts';
import { neverLooked } from '../../../wire/protocol.ts';

const originMs = 1_000_000;
const numbers: AgentNumbers = {
  addresses: [0, -100, -101, -102],
  networks6: [0, 0, 1, 1 | loopback],
  networks4: [{ address: ipv4ToNumber('172.17.0.0') | 0, mask: 0xffff0000 | 0 }],
  processes: [0, 41],
  ownerless: [0, 51],
  netnsScopes: [0, 61],
  hostScope: 70,
  realmScope: 80,
};

interface Row {
  readonly local?: string | number;
  readonly remote?: string | number;
  readonly state?: SocketState;
  readonly protocol?: 'tcp' | 'udp';
  readonly byConntrack?: boolean;
  readonly process?: number;
  readonly unseenMs?: number;
}

function columnsOf(rows: readonly Row[]): OpenColumns {
  const each = (of: (row: Row, n: number) => number): Uint32Array => Uint32Array.from(rows, of);
  const address = (value: string | number = '10.0.0.1'): number =>
    typeof value === 'number' ? value : ipv4ToNumber(value);
  return {
    slot: each((_, n) => n + 5),
    localAddress: each(({ local }) => address(local)),
    remoteAddress: each(({ remote }) => address(remote ?? '10.0.0.2')),
    ports: each(({ remote }) => packPorts(40_000, remote === '0.0.0.0' ? 0 : 443)),
    meta: each(({ protocol = 'tcp', state = 'established', local, byConntrack = false }) =>
      packMeta({ protocol, state, v6: typeof local === 'number', byConntrack }),
    ),
    netns: each(() => 1),
    inode: each(() => 9),
    uid: each(() => 0),
    process: each(({ process }) => process ?? 1),
    fd: each(() => 3),
    ageMs: each(() => 25),
    unseenMs: each(({ unseenMs }) => unseenMs ?? 1_000),
    id: [...rows.keys()],
  };
}

function arranged(rows: readonly Row[]): Halves {
  const halves = new Halves(rows.length);
  arrange(columnsOf(rows), numbers, originMs + 10_000, originMs, halves);
  return halves;
}

test('a row with our numbers, and times rounded outward', () => {
  const halves = arranged([{}]);
  expect([halves.count, halves.rows[0], halves.slot[0], halves.holder[0]]).toEqual([1, 0, 5, 41]);
  expect([halves.local[0], halves.remote[0]]).toEqual([0x0a000001, 0x0a000002]);
  expect([halves.ports[0], halves.place[0]]).toEqual([packPorts(40_000, 443) | 0, 80 << 1]);
  // 9,975 ms and 8,975 ms after tick 0.
  expect([halves.opened[0], halves.bornAfter[0]]).toEqual([998, 897]);
});

test('what is no half of a connection is left to others', () => {
  const halves = arranged([
    { state: 'listen' },
    {},
    { protocol: 'udp', state: 'unconnected' },
    { byConntrack: true },
    { remote: '0.0.0.0' },
    { protocol: 'udp' },
  ]);
  expect([halves.count, ...halves.rows.slice(0, 2)]).toEqual([2, 1, 5]);
  expect(halves.place[1]).toBe((80 << 1) | 1);
});

test.each([
  ['nobody looked before', { unseenMs: neverLooked }, 'bornAfter', never],
  ['nobody owns it', { process: 0 }, 'holder', 51],
  ['loopback', { local: '127.0.0.1', remote: '127.0.0.1' }, 'place', 61 << 1],
  ['one host-local network', { local: '172.17.0.2', remote: '172.17.0.3' }, 'place', 70 << 1],
  ['one end in it alone', { local: '172.17.0.2' }, 'place', 80 << 1],
  ['IPv6', { local: 1, remote: 1 }, 'local', -100],
  ['IPv6 in one host-local network', { local: 2, remote: 2 }, 'place', 70 << 1],
  ['IPv6 loopback', { local: 3, remote: 3 }, 'place', 61 << 1],
] as const)('%s', (_, row, column, value) => {
  expect(arranged([row])[column][0]).toBe(value);
});

describe('what a state tells', () => {
  test.each([
    ['established', facts.established],
    ['close-wait', facts.established],
    ['syn-sent', facts.dialedA],
    ['syn-recv', facts.dialedB],
    ['time-wait', facts.established | facts.restingA],
    ['closed', facts.restingA],
  ] as const)('%s', (state, evidence) => {
    expect(arranged([{ state }]).evidence[0]).toBe(evidence);
  });
});

test('columns of a message, signed, and its closes as ticks', () => {
  expect([...signed(Uint32Array.of(1, 0xffffffff))]).toEqual([1, -1]);
  expect([...signed([2, 0xffffffff])]).toEqual([2, -1]);
  expect([...closedTicks([0, 15, 20], originMs + 100, originMs)]).toEqual([10, 9, 8]);
});
