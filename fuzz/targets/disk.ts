/** Files that whotalks wrote itself, and that came back from a disk changed, cut off, or of another version. */
import { countOf, encodeKept, parseKept } from '../../agent/spool/kept-value.ts';
import { encodeSpooled, parseSpooled, sumOf } from '../../agent/spool/spooled-record.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../aggregator/journal/checkpoint.ts';
import {
  decodeJournalRecord,
  encodeJournalRecord,
  type JournalRecord,
} from '../../aggregator/journal/journal-record.ts';
import type { AuditEvent } from '../../aggregator/security/audit.ts';
import {
  emptyChain,
  encodeRecord as encodeAudit,
  endAfter,
  verifyChain,
} from '../../aggregator/security/audit-chain.ts';
import { Grants, parseGrantRecord } from '../../aggregator/security/grants.ts';
import { scanRecords } from '../../disk/records.ts';
import { numberOfSegment, segmentName } from '../../disk/segment-name.ts';
import { scanSegment, segmentMark } from '../../disk/segment-scan.ts';
import { encodeAgentMessage } from '../../wire/agent-message.ts';
import { recordsOf, withSums } from '../sums.ts';
import { expectAlike, expectThat, type Target } from '../target.ts';
import { delta, hello, snapshot } from './wire.ts';

const atMs = 1_700_000_000_000;
const clock = { guessMs: 3, samples: [[1, null]], last: { unixMs: atMs, arrivedMs: atMs } } as const;

const journalRecords: readonly JournalRecord[] = [
  { kind: 'start', atMs },
  { kind: 'stream', atMs, stream: 1, hello: encodeAgentMessage(hello), clock },
  { kind: 'message', atMs, stream: 1, bytes: encodeAgentMessage(snapshot) },
  { kind: 'message', atMs: atMs + 1000, stream: 1, bytes: encodeAgentMessage(delta) },
  { kind: 'end', atMs: atMs + 2000, stream: 1 },
  { kind: 'lease', atMs: atMs + 9000, hostId: 'h1', state: 'stale' },
  { kind: 'gap', atMs: atMs + 9000, hostId: 'h1', gap: { fromMs: 1, toMs: 2, reason: 'x', lostEvents: 0 } },
];

/** A segment of a journal, and in its records what a journal has. */
const journal: Target = {
  name: 'journal',
  seeds: () => [
    Buffer.concat([segmentMark, recordsOf(journalRecords.map(encodeJournalRecord))]),
    segmentMark.subarray(0, 5),
    Buffer.alloc(40),
  ],
  tokens: [
    segmentMark,
    Buffer.alloc(12),
    ...[0, 1, 2, 3, 4, 5, 6].map((kind) => Buffer.from([kind])),
    '{"hostId":"h1"}',
    'null',
    '[]',
    '1e999',
  ],
  repair: (input) => withSums(input, segmentMark.length),
  run(input) {
    const found = [...scanSegment(input, 0)];
    let last = input.subarray(0, segmentMark.length).equals(segmentMark) ? segmentMark.length : 0;
    for (const { at, end } of found) {
      expectThat(at === last && end > at && end <= input.length, 'a scan goes on where it was', {
        at,
        end,
        last,
      });
      last = end;
    }
    expectThat(last === input.length || found.length === 0, 'a scan goes to the end');
    const bodies = found.flatMap((one) => (one.kind === 'record' ? [one.bytes] : []));
    const decoded = bodies.map(decodeJournalRecord);
    for (const record of decoded) if (record !== null) expectJournalRecord(record);
    return [found.map(({ kind }) => kind).slice(-3), decoded.length, ...decoded.slice(-2)];
  },
};

function expectJournalRecord(record: JournalRecord): void {
  if (record.kind === 'lease' || record.kind === 'gap')
    expectThat(typeof record.hostId === 'string', 'a record of a host names it');
  if (record.kind === 'lease')
    expectThat(record.state === 'stale' || record.state === 'lost', 'a lease ends in a state');
  if (record.kind === 'gap')
    expectThat(
      Number.isFinite(record.gap.fromMs) && typeof record.gap.reason === 'string',
      'a gap has a reason',
    );
  if (record.kind === 'stream')
    expectThat(typeof record.clock === 'object' && record.clock !== null, 'a stream has a clock');
  expectThat(Number.isFinite(record.atMs), 'a record has a time');
  const again = decodeJournalRecord(Buffer.concat(encodeJournalRecord(record)));
  expectAlike(again, record, 'a record that is encoded again is the same');
}

const spooled: Target = {
  name: 'spool',
  seeds: () => {
    const message = encodeAgentMessage(snapshot);
    const parts = encodeSpooled({ kind: 'sockets', count: 3, fromUnixMs: 1, toUnixMs: 2, message });
    const gaps = encodeSpooled({
      kind: 'gaps',
      count: 9,
      fromUnixMs: 1,
      toUnixMs: 2,
      message: Buffer.alloc(3),
    });
    return [recordsOf([parts, gaps]), encodeKept({ epoch: 7, unixMs: 8, bootId: 'b' })];
  },
  tokens: [
    '{"epoch":',
    'null',
    '[1]',
    '"',
    '-1',
    '1e999',
    Buffer.alloc(12),
    Buffer.from([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]),
  ],
  repair: (input) => withSums(input, 0),
  run(input) {
    const records = [...scanRecords(input)].flatMap((one) => (one.kind === 'record' ? [one.bytes] : []));
    const parsed = records.map(parseSpooled).filter((each) => each !== null);
    for (const record of parsed) {
      const { fromUnixMs, toUnixMs } = record;
      expectThat(Number.isFinite(fromUnixMs) && Number.isFinite(toUnixMs), 'a record has times', [
        fromUnixMs,
        toUnixMs,
      ]);
      expectAlike(
        parseSpooled(Buffer.concat(encodeSpooled(record))),
        record,
        'a record that is encoded again is the same',
      );
    }
    const kept = parseKept(input);
    return [
      records.length,
      sumOf(parsed),
      kept,
      countOf(kept, 'epoch'),
      numberOfSegment(input.toString('latin1')),
    ];
  },
};

const checkpoint: Target = {
  name: 'checkpoint',
  seeds: () => [
    encodeCheckpoint({
      segment: 3,
      atMs,
      sinceMs: atMs - 1,
      edges: [['default', 'web', 'db', 5432, 'tcp', 1, 2, 3, 0, 0, 10, null]],
      hosts: [],
    }),
  ],
  tokens: [
    'null',
    '[]',
    '{}',
    '"kind":"head"',
    '"kind":"edges"',
    '"kind":"end"',
    '"value":',
    '"version":1',
    '1e999',
    '-1',
    ',',
  ],
  repair: (input) => withSums(input, 0),
  run(input) {
    const decoded = decodeCheckpoint(input);
    if (typeof decoded === 'string') return decoded;
    expectThat(Array.isArray(decoded.edges) && Array.isArray(decoded.hosts), 'a checkpoint has lists');
    expectThat(Number.isFinite(decoded.sinceMs) && Number.isFinite(decoded.atMs), 'a checkpoint has times');
    expectThat(Number.isSafeInteger(decoded.segment), 'a checkpoint stands for a segment');
    return decoded;
  },
};

function auditLines(): string {
  const event: AuditEvent = { kind: 'refused', subject: 'x', peer: '10.0.0.1', detail: 'no token' };
  const first = encodeAudit(event, '2026-01-01T00:00:00.000Z', emptyChain);
  return [first, encodeAudit(event, '2026-01-01T00:00:01.000Z', endAfter(first, emptyChain))].join('\n');
}

const securityFiles: Target = {
  name: 'security-files',
  seeds: () => [
    Buffer.from(auditLines()),
    Buffer.from(
      [
        { do: 'create', id: 't1', hash: 'ab', name: 'x', atMs, untilMs: null, grants: { roles: ['viewer'] } },
        { do: 'use', id: 't1', by: 'h1', key: 'k', atMs },
        { do: 'revoke', id: 't1', atMs },
        { do: 'ban', host: 'h1', atMs },
        { do: 'certify', host: 'h1', serial: '1', key: 'k', untilMs: atMs },
      ]
        .map((record) => JSON.stringify(record))
        .join('\n'),
    ),
  ],
  tokens: ['\n', 'null', '{}', '"seq":1', '"do":"create"', '"__proto__":', '1e999', '[', '"', '\\u0000', ','],
  run(input) {
    const lines = input.toString().split('\n');
    const { lines: count, faults, firstSeq } = verifyChain(lines);
    expectThat(count === lines.length, 'every line is verified');
    const grants = new Grants();
    const records = lines.map(parseGrantRecord).filter((record) => record !== null);
    for (const record of records) grants.apply(record);
    const names = [0, 7, 1e10].map((number) => numberOfSegment(segmentName(number)));
    return [
      faults.map(({ what }) => what.slice(0, 12)),
      firstSeq === null,
      records,
      grants.tokens.size,
      names[0],
    ];
  },
};

export const diskTargets: readonly Target[] = [journal, spooled, checkpoint, securityFiles];
