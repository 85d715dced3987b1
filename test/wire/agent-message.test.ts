/** Agent messages there and back, and everything that is refused. */

import { describe, expect, test } from 'vitest';
import { noContainer } from '../../model/container.ts';
import { formatIp } from '../../model/ip.ts';
import { type AgentBatch, agentBatch } from '../../wire/agent-batch.ts';
import { AgentMessageDecoder, encodeAgentMessage, numberedAs } from '../../wire/agent-message.ts';
import { packMeta } from '../../wire/packing.ts';
import type { WireError } from '../../wire/wire-error.ts';
import { decodeAgentMessage } from '../support/decoded.ts';
import { plain } from '../support/plain.ts';
import { messageDefinition } from '../support/proto-loader-messages.ts';
import { fc } from '../support/random-cases.ts';

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u53 = fc.maxSafeNat();
const slot = fc.nat((1 << 20) - 1);
/** So that no slot stands in both sections of counters. */
const even = fc.nat((1 << 19) - 1).map((half) => 2 * half);
const odd = even.map((below) => below + 1);
const name = fc.string({ unit: 'grapheme', maxLength: 40 });
const optionalName = fc.option(name);
const port = fc.nat(65535);
const meta = fc.constantFrom(
  ...(['established', 'listen', 'time-wait', 'close-wait'] as const).map((state) =>
    packMeta({ protocol: 'tcp', state, v6: false, byConntrack: false }),
  ),
  packMeta({ protocol: 'udp', state: 'unconnected', v6: true, byConntrack: false }),
);
const ip = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatIp);
const ip6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatIp);
const id = fc.integer({ min: 1, max: 0xffffffff });

/** Columns of equal length, from one record of arbitraries. */
function columns<Name extends string>(
  row: Record<Name, fc.Arbitrary<number>>,
): fc.Arbitrary<Record<Name, number[]>> {
  return fc.array(fc.record(row), { maxLength: 20 }).map((rows) => {
    const result = {} as Record<Name, number[]>;
    for (const key of Object.keys(row) as Name[]) {
      result[key] = rows.map((values) => (values as Record<Name, number>)[key]);
    }
    return result;
  });
}

/** Without those in which a slot stands twice. */
function uniqueSlots<Section extends { slot: number[] }>(
  sections: fc.Arbitrary<Section>,
): fc.Arbitrary<Section> {
  return sections.filter(({ slot: slots }) => new Set(slots).size === slots.length);
}

const process = fc.record({
  id,
  process: fc.record({
    pid: u32,
    startTicks: u53,
    comm: name,
    exe: optionalName,
    cmdline: optionalName,
    program: optionalName,
    uid: u32,
    user: optionalName,
    container: optionalName,
    unit: optionalName,
    pod: optionalName,
    runtime: optionalName,
    containerName: optionalName,
    podName: optionalName,
    podNamespace: optionalName,
    workload: optionalName,
  }),
});
const netns = fc.record({
  id,
  netns: fc.record({
    inode: u53,
    isHost: fc.boolean(),
    addresses: fc.array(fc.record({ ip, prefixLength: fc.nat(32), device: optionalName }), { maxLength: 4 }),
    localNetworks: fc.constantFrom([], [{ ip: '172.17.0.0', length: 16 }], [{ ip: 'fd00::', length: 8 }]),
    ephemeralPorts: fc.tuple(port, port).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
  }),
});

const batches: fc.Arbitrary<AgentBatch> = fc.record({
  seq: u53,
  baseUnixMs: u53,
  flags: u32,
  spooledEpoch: u53,
  hello: fc.option(
    fc.record({
      protocol: u32,
      agentVersion: name,
      hostId: name,
      hostName: name,
      realm: name,
      labels: fc
        .uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 9 }), name), {
          selector: ([key]) => key,
          maxLength: 5,
        })
        .map((pairs) => new Map(pairs)),
      bootId: name,
      epoch: u53,
      session: u32,
      collector: name,
      events: name,
      cannotSee: fc.array(name, { maxLength: 3 }),
      intervalMs: u32,
      kernel: name,
      watchedUnixMs: u53,
    }),
  ),
  heartbeat: fc.option(
    fc.record({
      unixMs: u53,
      monotonicMs: u53,
      roundTripMs: u32,
      openSockets: u32,
      lostEvents: u53,
      malformedRows: u53,
      scanMs: u32,
      cannotSee: fc.array(name, { maxLength: 3 }),
      collector: name,
      intervalMs: u32,
    }),
  ),
  gaps: fc.array(fc.record({ id: u53, reason: name, fromUnixMs: u53, toUnixMs: u53, lostEvents: u53 }), {
    maxLength: 3,
  }),
  processes: fc.array(process, { maxLength: 3 }),
  netns: fc.array(netns, { maxLength: 3 }),
  addresses: fc.array(fc.record({ id, ip: fc.oneof(ip, ip6) }), { maxLength: 3 }),
  droppedProcesses: fc.array(u32, { maxLength: 3 }),
  droppedNetns: fc.array(u32, { maxLength: 3 }),
  opens: columns({
    slot,
    localAddress: u32,
    remoteAddress: u32,
    ports: u32,
    meta,
    netns: u32,
    inode: u32,
    uid: u32,
    process: u32,
    fd: u32,
    ageMs: u32,
    unseenMs: u32,
    id: u53,
  }),
  closes: columns({ slot, ageMs: u32 }),
  updates: columns({ slot, state: u32, inode: u32 }),
  reownedSlots: fc.array(slot, { maxLength: 5 }),
  owners: columns({ slot, process: u32, fd: u32 }),
  nat: uniqueSlots(columns({ slot, role: fc.integer({ min: 1, max: 3 }) })),
  stages: uniqueSlots(columns({ slot, localAddress: u32, remoteAddress: u32, ports: u32, v6: fc.nat(1) })),
  counters: uniqueSlots(columns({ slot: even, sent: u53, received: u53, rttUs: u32, retransmits: u32 })),
  grown: uniqueSlots(columns({ slot: odd, sent: u32, received: u32, rttUs: u32 })),
});

/** What decoding a message with these fields throws. */
function refusal(fields: object): Pick<WireError, 'code' | 'reason'> {
  try {
    decodeAgentMessage(messageDefinition('AgentMessage').serialize(fields));
  } catch (error) {
    const { code, reason } = error as WireError;
    return { code, reason };
  }
  throw new Error('it was taken');
}

const tcpEstablished = 1 | (6 << 8);

/** Each value less the one before, as the wire has it. */
function steps(values: readonly number[]): number[] {
  return values.map((value, i) => (value - (values[i - 1] ?? 0)) | 0);
}

describe('AgentMessage', () => {
  test('decodes to what was encoded', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        expect(plain(decodeAgentMessage(encodeAgentMessage(batch)))).toEqual(batch);
      }),
    );
  });

  test('a message is numbered without being encoded again', () => {
    fc.assert(
      fc.property(batches, u53, (batch, seq) => {
        const numbered = numberedAs(seq, encodeAgentMessage({ ...batch, seq: 0 }));
        expect(plain(decodeAgentMessage(numbered))).toEqual({ ...batch, seq });
      }),
    );
  });

  test('an empty message says nothing', () => {
    expect(plain(decodeAgentMessage(Buffer.alloc(0)))).toEqual(agentBatch({}));
  });

  test('a column of words is a little-endian array, byte for byte, and steps are zigzag varints', () => {
    const bytes = encodeAgentMessage(
      agentBatch({
        grown: { slot: [3, 2, 66], sent: [1, 0x01020304, 2], received: [0, 0, 0], rttUs: [0, 0, 200] },
      }),
    );
    // Behind seq, base_unix_ms and flags, which are 0.
    expect(bytes.toString('hex', 6)).toBe(
      [
        'c20604',
        '06',
        '01',
        '8001',
        'ca060c',
        '01000000',
        '04030201',
        '02000000',
        'd2060c',
        '0'.repeat(24),
      ].join('') + ['e2060c', '0'.repeat(16), 'c8000000'].join(''),
    );
  });

  test('what was decoded is gone with the next message, and each message is its own', () => {
    const decoder = new AgentMessageDecoder();
    const closing = (slots: number[]): Buffer =>
      encodeAgentMessage(agentBatch({ closes: { slot: slots, ageMs: slots.map(() => 7) } }));
    const first = decoder.decode(closing([1, 2, 3]));
    expect(plain(decoder.decode(closing([9, 8])).closes)).toEqual({ slot: [9, 8], ageMs: [7, 7] });
    expect(first.closes.slot[0]).toBe(9);
    expect(plain(decoder.decode(Buffer.alloc(0)))).toEqual(agentBatch({}));
  });

  test('a message of more rows than the memory of the last ones holds is decoded', () => {
    const decoder = new AgentMessageDecoder();
    const slots = Array.from({ length: 200_000 }, (_, i) => i);
    const closes = { slot: slots, ageMs: slots.map((i) => i % 50) };
    expect(plain(decoder.decode(encodeAgentMessage(agentBatch({ closes }))).closes)).toEqual(closes);
  });

  test('a slot is counted once in a message, wherever the slots lie and in whichever section', () => {
    const near = fc.integer({ min: 0, max: 40 });
    const far = fc.integer({ min: (1 << 20) - 40, max: (1 << 20) - 1 });
    const slots = fc.array(fc.oneof(near, far), { maxLength: 8 });
    fc.assert(
      fc.property(slots, slots, (counted, grown) => {
        const fields = { counterSlot: counted, grownSlotStep: steps(grown) };
        const all = [...counted, ...grown];
        const twice = all.find((each, i) => all.indexOf(each) < i);
        if (twice === undefined) {
          const decoded = decodeAgentMessage(messageDefinition('AgentMessage').serialize(fields));
          expect(plain(decoded.counters.slot)).toEqual(counted);
          expect(plain(decoded.grown.slot)).toEqual(grown);
        } else {
          const reason = `slot ${twice} has more than 1 counter rows`;
          expect(refusal(fields)).toEqual({ code: 'too-many', reason });
        }
      }),
    );
  });

  test('an absent column stands for zeros', () => {
    const { closes } = decodeAgentMessage(
      messageDefinition('AgentMessage').serialize({ closeSlotStep: [3, 1] }),
    );
    expect(plain(closes)).toEqual({ slot: [3, 4], ageMs: [0, 0] });
  });

  test('steps that end early stand for rows like the last', () => {
    const { opens } = decodeAgentMessage(
      messageDefinition('AgentMessage').serialize({
        openSlotStep: [3, 1, 1],
        openMetaStep: [tcpEstablished],
        openInodeStep: [9, -2],
        openIdStep: [2 ** 40],
      }),
    );
    expect(plain(opens)).toMatchObject({
      slot: [3, 4, 5],
      meta: [tcpEstablished, tcpEstablished, tcpEstablished],
      inode: [9, 7, 7],
      id: [2 ** 40, 2 ** 40, 2 ** 40],
    });
  });

  test('what all rows share is told once, but for slots', () => {
    const closes = { slot: [4, 4, 4], ageMs: [7, 7, 7] };
    const fields = messageDefinition('AgentMessage').deserialize(encodeAgentMessage(agentBatch({ closes })));
    expect(fields).toMatchObject({ closeSlotStep: [4, 0, 0], closeAgeMsStep: [7] });
  });

  test.each([
    [
      { closeSlotStep: [1, 2], closeAgeMsStep: [5, 1, 1] },
      { code: 'column-length', reason: 'closeAgeMsStep has 3 of 2 rows' },
    ],
    [
      { grownSlotStep: [1, 2], grownSent: [5] },
      { code: 'column-length', reason: 'grownSent has 1 of 2 rows' },
    ],
    [{ grownSent: [1] }, { code: 'column-length', reason: 'grownSent has 1 of 0 rows' }],
    [
      { closeSlotStep: Array<number>((1 << 18) + 1).fill(0) },
      { code: 'too-many', reason: 'closeSlotStep has more than 262144 rows' },
    ],
    [
      { closeSlotStep: [1 << 20] },
      { code: 'bad-slot', reason: 'close_slot row 0 is 1048576, slots end below 1048576' },
    ],
    [
      { natSlot: [1, 2], natRole: [1, 4] },
      { code: 'unknown-role', reason: 'nat_role row 1 is 4' },
    ],
    [
      { natSlot: [1, 1], natRole: [1, 2] },
      { code: 'too-many', reason: 'slot 1 has more than 1 nat rows' },
    ],
    [{ stageSlot: [5, 5, 5, 5] }, { code: 'too-many', reason: 'slot 5 has more than 3 stages' }],
    [
      { counterSlot: [3], counterSent: [2 ** 60] },
      { code: 'bad-number', reason: `counter_sent row 0 is ${2 ** 60}, not a whole number below 2^53` },
    ],
    [
      { openSlotStep: [0, 1], openMetaStep: steps([tcpEstablished, 1 | (7 << 8)]) },
      { code: 'unknown-state', reason: 'open_meta row 1 has state 1 of protocol 7' },
    ],
    [
      { openSlotStep: [0], openMetaStep: [13 | (6 << 8)] },
      { code: 'unknown-state', reason: 'open_meta row 0 has state 13 of protocol 6' },
    ],
    [
      { openSlotStep: [0], openMetaStep: [tcpEstablished], openIdStep: [2 ** 53] },
      { code: 'bad-number', reason: 'open_id row 0 is 9007199254740992, not a whole number below 2^53' },
    ],
    [
      { openSlotStep: [0, 1], openMetaStep: [tcpEstablished, 0], openIdStep: [3, -4] },
      { code: 'bad-number', reason: 'open_id row 1 is -1, not a whole number below 2^53' },
    ],
    [
      { ownerSlot: Array<number>(8193).fill(7) },
      { code: 'too-many', reason: 'slot 7 has more than 8192 owners' },
    ],
    [
      { processes: [{ id: 1, comm: 'x'.repeat(257) }] },
      { code: 'text-too-long', reason: 'comm has 257 characters, at most 256 are allowed' },
    ],
    [{ processes: [{ pid: 1 }] }, { code: 'bad-number', reason: 'process definition has id 0' }],
    [
      { addresses: [{ id: 1, ip: new Uint8Array(5) }] },
      { code: 'bad-address', reason: 'address 1 has 5 bytes, not 16' },
    ],
    [
      { netns: [{ id: 1, addresses: [{ ip: '10.0.0.256' }] }] },
      { code: 'bad-address', reason: 'interface address "10.0.0.256" is no IP address' },
    ],
    [
      { netns: [{ id: 1, localNetworks: ['10.0.0.0'] }] },
      { code: 'bad-address', reason: 'local_networks "10.0.0.0" is no IP address' },
    ],
    [
      { netns: [{ id: 1, ephemeralFirst: 2000, ephemeralLast: 1000 }] },
      { code: 'bad-number', reason: 'ephemeral_last is 1000, not within 2000-65535' },
    ],
    [
      { hello: { cannotSee: Array<string>(33).fill('x') } },
      { code: 'too-many', reason: 'cannot_see has 33 entries, at most 32 are allowed' },
    ],
    [
      { hello: { labels: { k: 'v'.repeat(4097) } } },
      { code: 'text-too-long', reason: 'label k has 4097 characters, at most 4096 are allowed' },
    ],
    [
      { gaps: Array<object>(65).fill({}) },
      { code: 'too-many', reason: 'gaps has 65 entries, at most 64 are allowed' },
    ],
  ])('refuses %j', (fields, expected) => {
    expect(refusal(fields)).toEqual(expected);
  });

  test('garbage is no message, and has no seq', () => {
    const garbage = Buffer.from('ffffffffffffffffffff', 'hex');
    expect(() => decodeAgentMessage(garbage)).toThrow(/^not-a-message: 10 bytes are no AgentMessage \(.+\)$/);
    expect(new AgentMessageDecoder().peekSeq(garbage)).toBe(0);
  });

  test('whatever the bytes, it decodes or refuses with a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeAgentMessage(Buffer.from(bytes));
        } catch (error) {
          expect((error as Error).name).toBe('WireError');
        }
      }),
    );
  });

  test('the seq of a refused message can be told', () => {
    const bytes = messageDefinition('AgentMessage').serialize({ seq: 41, closeSlotStep: [1 << 20] });
    expect(new AgentMessageDecoder().peekSeq(bytes)).toBe(41);
  });

  test('cuts texts that are too long, never in the middle of a character', () => {
    const long = `${'x'.repeat(255)}😀`;
    const batch = agentBatch({
      processes: [
        {
          id: 1,
          process: {
            pid: 1,
            startTicks: 1,
            comm: long,
            exe: null,
            cmdline: 'y'.repeat(9000),
            program: null,
            uid: 0,
            user: null,
            ...noContainer,
            unit: null,
          },
        },
      ],
    });
    const { process: decoded } = decodeAgentMessage(encodeAgentMessage(batch)).processes[0]!;
    expect(decoded.comm).toBe('x'.repeat(255));
    expect(decoded.cmdline).toBe('y'.repeat(8192));
  });

  test('unknown fields of a later version are passed over', () => {
    // Field 1000, two bytes.
    const later = Buffer.concat([
      encodeAgentMessage(agentBatch({ seq: 5 })),
      Buffer.from('c23e020102', 'hex'),
    ]);
    expect(plain(decodeAgentMessage(later))).toEqual(agentBatch({ seq: 5 }));
  });
});
