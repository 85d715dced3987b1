/** Framing of records: what is whole comes back, and whatever is cut or flipped never comes back as something else. */
import { describe, expect, it } from 'vitest';
import {
  encodeRecord,
  lengthOf,
  recordBytesMax,
  recordHeaderBytes,
  type Scanned,
  scanRecords,
} from '../../disk/records.ts';

const texts = ['one', '', 'three and some more', 'four'];

function framed(...bodies: readonly Buffer[][]): Buffer {
  const size = bodies.reduce((sum, parts) => sum + recordHeaderBytes + lengthOf(parts), 0);
  const bytes = Buffer.alloc(size);
  let at = 0;
  for (const parts of bodies) at = encodeRecord(parts, bytes, at);
  return bytes;
}

const whole = framed(...texts.map((text) => [Buffer.from(text)]));
const ends = texts.map((_, i) =>
  texts.slice(0, i + 1).reduce((sum, text) => sum + recordHeaderBytes + text.length, 0),
);

function scan(bytes: Buffer, lengthMax?: number): Scanned[] {
  return [...scanRecords(bytes, 0, lengthMax)];
}

const textsOf = (found: readonly Scanned[]): string[] =>
  found.flatMap((each) => (each.kind === 'record' ? [each.bytes.toString()] : []));

describe('records', () => {
  it('come back as they were, with where they stand', () => {
    expect(textsOf(scan(whole))).toEqual(texts);
    expect(scan(whole).map(({ end }) => end)).toEqual(ends);
  });

  it('are made of parts', () => {
    const bytes = framed([Buffer.from('a'), Buffer.alloc(0), Buffer.from('bc')]);
    expect(textsOf(scan(bytes))).toEqual(['abc']);
    expect(bytes).toEqual(framed([Buffer.from('abc')]));
  });

  it('are torn where a file is cut, at every byte', () => {
    for (let length = 0; length < whole.length; length++) {
      const found = scan(whole.subarray(0, length));
      const complete = ends.filter((end) => end <= length).length;
      expect(textsOf(found)).toEqual(texts.slice(0, complete));
      const at = ends[complete - 1] ?? 0;
      expect(found.slice(complete)).toEqual(at === length ? [] : [{ kind: 'torn', at, end: length }]);
    }
  });

  it('are torn where a file has its size before its bytes', () => {
    const bytes = Buffer.concat([whole, Buffer.alloc(40)]);
    expect(scan(bytes).at(-1)).toEqual({ kind: 'torn', at: whole.length, end: bytes.length });
  });

  it('are flaws where any bit is flipped, and those around them come back', () => {
    for (let at = 0; at < whole.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= 1 << bit;
        const found = scan(bytes);
        const damaged = ends.findIndex((end) => at < end);
        const first = damaged === 0 ? 0 : ends[damaged - 1]!;
        const isHeader = at - first < 4 || (at - first >= 8 && at - first < recordHeaderBytes);
        const isSum = at - first >= 4 && at - first < 8;
        const flaw = found.find(({ kind }) => kind === 'flaw');
        expect(found.some(({ kind }) => kind === 'torn')).toBe(false);
        if (isHeader || isSum) {
          expect(flaw).toEqual({ kind: 'flaw', at: first, end: whole.length });
          expect(textsOf(found)).toEqual(texts.slice(0, damaged));
        } else {
          expect(flaw).toEqual({ kind: 'flaw', at: first, end: ends[damaged] });
          expect(textsOf(found)).toEqual(texts.filter((_, i) => i !== damaged));
        }
      }
    }
  });

  it('that claim to be longer than any are flaws', () => {
    const bytes = framed([Buffer.alloc(11)]);
    expect(scan(bytes, 10)).toEqual([{ kind: 'flaw', at: 0, end: bytes.length }]);
    expect(textsOf(scan(bytes, 11))).toHaveLength(1);
    expect(recordBytesMax).toBeGreaterThan(1 << 20);
  });
});
