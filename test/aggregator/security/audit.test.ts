/** The audit log: lines that hang together, how much of what strangers do is in it, and what becomes of a disk that fails. */
import { execFile } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../../aggregator/security/audit.ts';
import { AuditBudget, intervalMs, linesMax } from '../../../aggregator/security/audit-budget.ts';
import {
  type ChainEnd,
  emptyChain,
  encodeRecord,
  endAfter,
  hashOfLine,
  parseRecord,
  textMax,
  verifyChain,
} from '../../../aggregator/security/audit-chain.ts';
import {
  AuditFile,
  auditPath,
  type DatedEvent,
  filesMax,
  readAuditLines,
} from '../../../aggregator/security/audit-file.ts';
import { AuditTrail, waitingMax } from '../../../aggregator/security/audit-trail.ts';
import { until } from '../../support/until.ts';

const at = '2026-11-23T09:00:00.000Z';
const event = (detail: string, kind: AuditEvent['kind'] = 'banned'): AuditEvent => ({
  kind,
  subject: 'host web-7',
  peer: null,
  detail,
});

function chainOf(...details: readonly string[]): string[] {
  let end: ChainEnd = emptyChain;
  return details.map((detail) => {
    const line = encodeRecord(event(detail), at, end);
    end = endAfter(line, end);
    return line;
  });
}

describe('a chain', () => {
  test('is of lines of JSON, each with the hash of the one before', () => {
    const [first, second] = chainOf('a', 'b');
    expect(JSON.parse(first!)).toEqual({
      seq: 1,
      at,
      kind: 'banned',
      reason: null,
      subject: 'host web-7',
      peer: null,
      detail: 'a',
      previous: '0'.repeat(64),
    });
    expect(parseRecord(second!)).toMatchObject({ seq: 2, previous: hashOfLine(first!) });
  });

  test('is whole as it was written, also where its beginning was rotated away', () => {
    const lines = chainOf('a', 'b', 'c', 'd');
    const end = { seq: 4, hash: hashOfLine(lines[3]!) };
    expect(verifyChain(lines)).toEqual({ lines: 4, firstSeq: 1, end, faults: [] });
    expect(verifyChain(lines.slice(2))).toEqual({ lines: 2, firstSeq: 3, end, faults: [] });
    expect(verifyChain([])).toEqual({ lines: 0, firstSeq: null, end: emptyChain, faults: [] });
  });

  test('tells of every line that was changed, taken out, moved or put in', () => {
    const lines = chainOf('a', 'b', 'c', 'd');
    const faultsOf = (changed: readonly string[]) =>
      verifyChain(changed).faults.map(({ line, what }) => `${line}: ${what}`);
    const [a, b, c, d] = lines as [string, string, string, string];
    expect(faultsOf([a, b.replace('"b"', '"x"'), c, d])).toEqual([
      '3: the line before it was changed or taken out',
    ]);
    expect(faultsOf([a, c, d])).toEqual(['2: the line before it was changed or taken out']);
    expect(faultsOf([a, b, d, c]).length).toBeGreaterThan(0);
    expect(faultsOf([a, b, b, c, d])).toEqual(['3: the line before it was changed or taken out']);
    expect(faultsOf([a, 'x', b, c, d])).toEqual([
      '2: is no line of an audit log',
      '3: the line before it was changed or taken out',
    ]);
    const renumbered = encodeRecord(event('b'), at, { seq: 5, hash: hashOfLine(a) });
    expect(faultsOf([a, renumbered])).toEqual(['2: has the number 6 after 1']);
    expect(faultsOf([a, b.slice(0, 20)])).toEqual(['2: is torn: nothing was written after it']);
  });

  test('cuts what strangers make long, and keeps their texts text', () => {
    const line = encodeRecord(event('x\n"}\u{202e}\ud800'.padEnd(10_000, 'y')), at, emptyChain);
    expect(line).not.toContain('\n');
    expect(parseRecord(line)!.detail).toHaveLength(textMax);
  });
});

describe('a budget', () => {
  const refused: AuditEvent = { ...event('x', 'refused'), reason: 'no-credentials' };

  test('is of so many lines of a kind and reason in an interval, and one that counts the others', () => {
    const budget = new AuditBudget();
    const taken = Array.from({ length: linesMax + 7 }, () => budget.take(refused, 0));
    expect(taken.filter(Boolean)).toHaveLength(linesMax);
    expect(budget.take({ ...refused, reason: 'wrong-role' }, 0)).toBe(true);
    expect(budget.expire(intervalMs - 1)).toEqual([]);
    expect(budget.expire(intervalMs)).toEqual([
      {
        kind: 'refused',
        reason: 'no-credentials',
        subject: null,
        peer: null,
        detail: '7 more of these within 10 min were not written down one by one',
      },
    ]);
    expect(budget.take(refused, intervalMs)).toBe(true);
    expect(budget.close()).toEqual([]);
  });

  test('does not bound what an admin does', () => {
    const budget = new AuditBudget();
    const taken = Array.from({ length: 10 * linesMax }, () => budget.take(event('x', 'banned'), 0));
    expect(taken.every(Boolean)).toBe(true);
  });
});

describe('files', () => {
  let root: string;
  let folder: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'whotalks-audit-'));
    folder = join(root, 'security');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const dated = (detail: string): DatedEvent => ({ event: event(detail), atMs: Date.parse(at) });
  const details = async () =>
    (await readAuditLines(folder)).map((line) => parseRecord(line)?.detail ?? `torn: ${line}`);

  test('are for their owner alone, and one writer goes on where another ended', async () => {
    await new AuditFile(folder).append([dated('a'), dated('b')]);
    await new AuditFile(folder).append([dated('c')]);
    expect(await details()).toEqual(['a', 'b', 'c']);
    expect(verifyChain(await readAuditLines(folder)).faults).toEqual([]);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(auditPath(folder, 0)).mode & 0o777).toBe(0o600);
  });

  test('are written by several at a time without a line lost or torn', async () => {
    const writers = Array.from({ length: 4 }, () => new AuditFile(folder));
    await Promise.all(
      writers.map(async (writer, w) => {
        for (let n = 0; n < 10; n++) await writer.append([dated(`${w}.${n}`)]);
      }),
    );
    const verdict = verifyChain(await readAuditLines(folder));
    expect([verdict.lines, verdict.faults]).toEqual([40, []]);
  });

  test('begin anew when one is full, and the oldest goes', async () => {
    const file = new AuditFile(folder, 2_000);
    for (let n = 0; n < 60; n++) await file.append([dated(`${n}`)]);
    const verdict = verifyChain(await readAuditLines(folder));
    expect(verdict.faults).toEqual([]);
    expect(verdict.end.seq).toBe(60);
    expect(verdict.firstSeq).toBeGreaterThan(1);
    for (let age = 0; age < filesMax; age++)
      expect(statSync(auditPath(folder, age)).size).toBeLessThanOrEqual(2_000);
    expect(() => statSync(auditPath(folder, filesMax))).toThrow('ENOENT');
  });

  test('with a torn end go on behind it, and say so', async () => {
    const file = new AuditFile(folder);
    await file.append([dated('a'), dated('b')]);
    const path = auditPath(folder, 0);
    truncateSync(path, statSync(path).size - 30);
    await file.append([dated('c')]);
    expect((await details()).map((detail) => detail.slice(0, 24))).toEqual([
      'a',
      expect.stringMatching(/^torn: /),
      'the line before is torn:',
      'c',
    ]);
    expect(verifyChain(await readAuditLines(folder)).faults).toEqual([]);
    appendFileSync(path, 'whatever\n');
    await file.append([dated('d')]);
    expect(verifyChain(await readAuditLines(folder)).faults).toEqual([]);
    expect((await details()).at(-1)).toBe('d');
  });

  test('are not held by a process that is gone', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['-p', 'process.pid']);
    const file = new AuditFile(folder);
    await file.append([dated('a')]);
    writeFileSync(join(folder, 'audit.lock'), stdout.trim());
    await file.append([dated('b')]);
    expect(await details()).toEqual(['a', 'b']);
  });
});

describe('a trail', () => {
  const silent = pino({ level: 'silent' });
  const refused: AuditEvent = { ...event('x', 'refused'), reason: 'foreign-host' };

  test('counts every refusal, and writes down as many as the budget has', async () => {
    const written: DatedEvent[] = [];
    const file = { append: async (events: readonly DatedEvent[]) => void written.push(...events) };
    const trail = new AuditTrail({ log: silent, file, clock: () => 5, monotonicClock: () => 0 });
    for (let n = 0; n < linesMax + 2; n++) trail.tell(refused);
    trail.tell(event('ban'));
    await trail.close();
    expect(trail.refusals['foreign-host']).toBe(linesMax + 2);
    expect(written).toHaveLength(linesMax + 2);
    expect(written.slice(-2).map(({ event: { kind, detail } }) => [kind, detail])).toEqual([
      ['banned', 'ban'],
      ['refused', '2 more of these within 10 min were not written down one by one'],
    ]);
  });

  test('keeps what the disk does not take, and tells what found no room', async () => {
    const written: DatedEvent[] = [];
    const disk = { isFull: true };
    const file = {
      append: async (events: readonly DatedEvent[]) => {
        if (disk.isFull) throw new Error('ENOSPC: no space left on device');
        written.push(...events);
      },
    };
    const time = { ms: 0 };
    const trail = new AuditTrail({ log: silent, file, clock: () => 5, monotonicClock: () => time.ms });
    for (let n = 0; n < waitingMax + 3; n++) trail.tell(event(`${n}`));
    expect(trail.lostTotal).toBe(3);
    disk.isFull = false;
    await until('all is written', () => {
      time.ms += 10_000;
      trail.sweep();
      return written.length > waitingMax;
    });
    expect(written.map(({ event: { detail } }) => detail)).toEqual([
      ...Array.from({ length: waitingMax }, (_, n) => `${n}`),
      '3 events are missing here: the audit log could not be written',
    ]);
  });

  test('without a data folder goes to the log of the aggregator', async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const trail = new AuditTrail({ log, file: null, clock: () => 5 });
    trail.tell(refused);
    await trail.close();
    expect(JSON.parse(lines[0]!)).toMatchObject({
      audit: 'refused',
      reason: 'foreign-host',
      subject: 'host web-7',
      peer: null,
      msg: 'x',
    });
  });
});

test('the file is one line of JSON after the other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-audit-'));
  await new AuditFile(folder).append([{ event: event('a'), atMs: Date.parse(at) }]);
  expect(readFileSync(auditPath(folder, 0), 'utf8')).toBe(`${chainOf('a')[0]}\n`);
  rmSync(folder, { recursive: true });
});
