/** Paths of cgroups by their ids, beside what /proc shows of processes in them. */
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { CgroupWalk, cgroupPaths } from '../../../agent/bpf/cgroup-walk.ts';
import { cgroupKernel } from '../../../agent/bpf/detail-kernel.ts';
import { cgroupLayout } from '../../../agent/bpf/detail-memory.ts';
import { readOwnBtf } from '../../../agent/bpf/kernel-layout.ts';
import { Children } from '../collect/child-node.ts';
import { mountOfUnified, whyNoEbpf } from './live-kernel.ts';

function entries(...cgroups: readonly (readonly [bigint, bigint, string])[]): Buffer {
  const bytes = Buffer.alloc(cgroups.length * cgroupLayout.bytes);
  for (const [i, [id, parent, name]] of cgroups.entries()) {
    const at = i * cgroupLayout.bytes;
    bytes.writeBigUInt64LE(id, at + cgroupLayout.fields.id.offset);
    bytes.writeBigUInt64LE(parent, at + cgroupLayout.fields.parent.offset);
    bytes.write(name, at + cgroupLayout.fields.name.offset, 'utf8');
  }
  return bytes;
}

describe('paths', () => {
  it('begin at the root of the namespace, whatever it is called', () => {
    const paths = cgroupPaths(
      entries([7n, 1n, 'container'], [8n, 7n, 'a'], [9n, 8n, 'b.service'], [10n, 7n, 'c']),
    );
    expect([...paths]).toEqual([
      [7n, '/'],
      [8n, '/a'],
      [9n, '/a/b.service'],
      [10n, '/c'],
    ]);
  });

  it('leave out whose parent is not there', () => {
    expect([...cgroupPaths(entries([1n, 0n, ''], [9n, 8n, 'b'])).keys()]).toEqual([1n]);
  });

  it('are of names as long as the kernel allows', () => {
    const name = 'é'.repeat(127);
    expect(cgroupPaths(entries([1n, 0n, ''], [2n, 1n, name])).get(2n)).toBe(`/${name}`);
  });

  it('are none where there is nothing', () => expect(cgroupPaths(Buffer.alloc(0)).size).toBe(0));
});

const children = new Children();
const folders: string[] = [];
const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null)('the walk', () => {
  afterEach(async () => {
    await children.endAll();
    for (const folder of folders.splice(0).toReversed()) rmdirSync(folder);
  });

  function make(folder: string): string {
    mkdirSync(folder);
    folders.push(folder);
    return folder;
  }

  it('tells of each cgroup the path that /proc shows, also of more than there is room for at first', async () => {
    const mount = mountOfUnified();
    if (mount === null) throw new Error('no cgroup2 is mounted: this machine is to have it');
    const walk = await CgroupWalk.open(await loadBpfCalls(), cgroupKernel(readOwnBtf()), 2);
    try {
      const outer = make(`${mount}/whotalks-test-${process.pid}`);
      const inner = make(`${outer}/docker-${'3f'.repeat(32)}.scope`);
      const child = children.start("console.log('up'); setInterval(() => {}, 1e6)");
      await child.line();
      writeFileSync(`${inner}/cgroup.procs`, String(child.pid));
      const paths = await walk.run();
      const shown = /^0::(.*)$/m.exec(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8'))![1];
      expect(paths.get(BigInt(statSync(inner).ino))).toBe(shown);
      expect(shown).toBe(inner.slice(mount.length));
      expect(paths.get(BigInt(statSync(mount).ino))).toBe('/');
    } finally {
      walk.close();
      walk.close();
    }
  });
});
