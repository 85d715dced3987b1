/** What programs in the kernel write, and the kernel's description of its own types. */

import { Btf, BtfError, type BtfKind, btfKinds } from '../../agent/bpf/btf.ts';
import { encodeBtf } from '../../agent/bpf/btf-encoding.ts';
import { argumentsIn, parsePathParts } from '../../agent/bpf/detail-look.ts';
import { detailLayout } from '../../agent/bpf/detail-memory.ts';
import { eventLayoutInRing } from '../../agent/bpf/event-memory.ts';
import { attributeRecords } from '../../agent/bpf/record-groups.ts';
import { recordLayout, taskLayout } from '../../agent/bpf/scan-memory.ts';
import { RecordReader, recordWords } from '../../agent/bpf/socket-record.ts';
import { TaskTable } from '../../agent/bpf/task-table.ts';
import { EventReader } from '../../agent/events/event-reader.ts';
import { expectCount, expectIp, expectPort } from '../promises.ts';
import { expectThat, type Target } from '../target.ts';

const names = ['sock', '__sk_common', 'inner', 'a', 'color', 'red', 'blue', 'words'] as const;

/** `struct sock { union { struct inner; }; u32 words[4]; }`, an enum, and a chain of typedefs. */
function smallBtf(): Buffer {
  const { int, struct, union, array, typedef, pointer } = btfKinds;
  return encodeBtf(names, (type, offset) => [
    [...type('a', int, 0, 4), 32],
    [...type('inner', struct, 1, 8), offset('a'), 1, 32],
    [...type('', union, 1, 8), offset('inner'), 2, 0],
    [...type('', array, 0, 0), 1, 1, 4],
    [...type('sock', struct, 3, 40), 0, 3, 0, offset('__sk_common'), 2, 64, offset('words'), 4, 128],
    [...type('color', btfKinds.enum, 2, 4), offset('red'), 0, offset('blue'), 0xfffffffe],
    type('a', typedef, 0, 5),
    type('', pointer, 0, 7),
  ]);
}

const btf: Target = {
  name: 'btf',
  seeds: () => [smallBtf()],
  tokens: [
    ...names.map((name) => `\0${name}\0`),
    ...Object.values(btfKinds).map((kind) => Buffer.from([0, 0, 0, kind])),
  ],
  run(input) {
    const types = new Btf(input);
    const kinds: readonly BtfKind[] = ['struct', 'enum', 'typedef', 'int'];
    const answers = [
      ...kinds.map((kind) => answerOf(() => types.id(kind, 'sock'))),
      ...['__sk_common.a', 'inner.a', 'words', 'a', 'color'].map((path) =>
        answerOf(() => types.field('sock', path).offset),
      ),
      answerOf(() => types.structBytes('sock')),
      answerOf(() => types.enumerator('color', 'blue')),
    ];
    for (const answer of answers)
      expectThat(typeof answer !== 'number' || Number.isFinite(answer), 'a number of BTF');
    return answers;
  },
  refusals: [BtfError],
};

/** Or why there is none. */
function answerOf(ask: () => number): number | string {
  try {
    return ask();
  } catch (error) {
    if (error instanceof BtfError) return 'none';
    throw error;
  }
}

/** Records as programs write them, and arguments and paths that processes made up. */
const records: Target = {
  name: 'kernel-records',
  seeds: () => {
    const event = Buffer.alloc(eventLayoutInRing.bytes, 1);
    const scan = Buffer.alloc(recordLayout.bytes * 3 + taskLayout.bytes * 2, 1);
    return [event, scan, Buffer.from('sbin\0usr\0'), Buffer.alloc(detailLayout.bytes)];
  },
  tokens: [Buffer.from([6, 0, 0, 0]), Buffer.from([17, 0, 10, 0]), Buffer.alloc(16), Buffer.alloc(8, 0xff)],
  run(input) {
    const words = alignedWords(input);
    const seen: unknown[] = [parsePathParts(input), argumentsIn(input, words[0] ?? 0).length];
    if (words.length * 4 >= eventLayoutInRing.bytes) {
      const event = new EventReader().event(words, 0, 1_700_000_000_000);
      for (const end of event === null ? [] : [event.local, event.remote]) {
        expectIp(end.ip);
        expectPort(end.port);
      }
      seen.push(event);
    }
    return [...seen, readRows(words), readTasks(words)];
  },
};

function alignedWords(input: Buffer): Uint32Array {
  const words = new Uint32Array(input.length >> 2);
  Buffer.from(words.buffer).set(input.subarray(0, words.byteLength));
  return words;
}

function readRows(words: Uint32Array): unknown {
  const reader = new RecordReader();
  const rows = Array.from({ length: Math.floor(words.length / recordWords) }, (_, i) =>
    reader.row(words, i * recordWords),
  );
  for (const row of rows) {
    for (const end of row === null ? [] : [row.local, row.remote]) {
      expectIp(end.ip);
      expectPort(end.port);
    }
  }
  return rows.at(-1);
}

/** The first half of the bytes as records, the others as tasks. */
function readTasks(words: Uint32Array): unknown {
  const bytes = Buffer.from(words.buffer);
  const recordsEnd = Math.floor(bytes.length / 2 / recordLayout.bytes) * recordLayout.bytes;
  const tasksEnd = recordsEnd + Math.floor((bytes.length - recordsEnd) / taskLayout.bytes) * taskLayout.bytes;
  const found = { records: bytes.subarray(0, recordsEnd), tasks: bytes.subarray(recordsEnd, tasksEnd) };
  const left = attributeRecords(found);
  expectThat(left.length <= recordsEnd, 'no record is added');
  const tasks = new TaskTable(found.tasks);
  const firsts = Array.from({ length: tasks.length }, (_, i) => tasks.firstRecord(i));
  for (const first of firsts) expectCount(first, 'first record');
  return [left.length / recordLayout.bytes, tasks.length];
}

export const kernelTargets: readonly Target[] = [btf, records];
