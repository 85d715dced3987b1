/** Array maps of the kernel, of which as much lies in the memory of this process as somebody wanted to see. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type BpfCalls, loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { MappedArray } from '../../../agent/bpf/mapped-array.ts';
import { whyNoEbpf } from './live-kernel.ts';

const obstacle = await whyNoEbpf();

const valueBytes = 64;
const entries = 32_768;

const opened: MappedArray[] = [];
function create(calls: BpfCalls): MappedArray {
  const map = MappedArray.create(calls, 'test', valueBytes, entries);
  opened.push(map);
  return map;
}

afterEach(() => {
  for (const map of opened.splice(0)) map.close();
});

/** Of all maps that this process has in its memory. */
function mappedKiB(): number {
  let sum = 0;
  for (const [, from, to] of readFileSync('/proc/self/maps', 'latin1').matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) .*bpf-map$/gm,
  )) {
    sum += (Number.parseInt(to!, 16) - Number.parseInt(from!, 16)) / 1024;
  }
  return sum;
}

describe.skipIf(obstacle !== null)('an array of the kernel', () => {
  it('is mapped as far as it was looked at, and a little further', async () => {
    const map = create(await loadBpfCalls());
    expect(mappedKiB()).toBe(4);
    expect(map.first(100 * valueBytes).length).toBe(6_400);
    expect(mappedKiB()).toBe(8);
    // It stays, and what is left of it is enough for some more.
    expect([map.first(0).length, map.first(valueBytes).length]).toEqual([0, valueBytes]);
    expect(map.first(8_192).length).toBe(8_192);
    expect(mappedKiB()).toBe(8);
    expect(map.bytes.length).toBe(valueBytes * entries);
    expect(mappedKiB()).toBe(2_048);
    map.close();
    expect(mappedKiB()).toBe(0);
  });

  it('shows the same values however much of it is mapped', async () => {
    const map = create(await loadBpfCalls());
    map.first(4_096).writeUInt32LE(1, 4_092);
    map.first(1_000_000).writeUInt32LE(2, 999_996);
    expect(map.first(4_096).readUInt32LE(4_092)).toBe(1);
    expect(map.bytes.readUInt32LE(999_996)).toBe(2);
  });

  it('says so where no more of it can be mapped, and shows what there is', async () => {
    const calls = await loadBpfCalls();
    let isRefused = false;
    const map = create({
      ...calls,
      map: (...asked) => (isRefused ? null : calls.map(...asked)),
      errno: () => 12,
    });
    map.first(8).writeUInt32LE(7, 0);
    isRefused = true;
    expect(() => map.bytes).toThrow('cannot map the map test: ENOMEM');
    expect(map.first(8).readUInt32LE(0)).toBe(7);
    const refusing = { ...calls, map: () => null, errno: () => 12 };
    expect(() => MappedArray.create(refusing, 'test', valueBytes, entries)).toThrow(
      'cannot map the map test: ENOMEM',
    );
  });

  it('shows nothing any more when it was closed', async () => {
    const map = create(await loadBpfCalls());
    map.close();
    expect(() => map.first(8)).toThrow('the map is closed');
    map.close();
  });
});
