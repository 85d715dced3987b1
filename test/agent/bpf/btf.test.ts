/** Type descriptions: small ones made by hand, and that of the running kernel. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Btf, BtfError, BtfUnreadableError, readKernelBtf } from '../../../agent/bpf/btf.ts';
import { helpers } from '../../../agent/bpf/kernel-functions.ts';
import { kernelLayout } from '../../../agent/bpf/kernel-layout.ts';
import { type BtfType, encodeBtf } from './btf-encoding.ts';

/**
 *     typedef unsigned int uint_t;
 *     struct inner { uint_t a; const uint_t b; };
 *     struct outer { void *head; union { struct { struct inner deep; }; uint_t flat; }; u32 bits:3, more:5; u32 words[4]; };
 *     enum color { red = 0, blue = -2 };
 */
const types: readonly BtfType[] = [
  { kind: 'int', name: 'unsigned int', sizeOrType: 4, extra: [32] }, // 1
  { kind: 'typedef', name: 'uint_t', sizeOrType: 1 }, // 2
  { kind: 'const', sizeOrType: 2 }, // 3
  {
    kind: 'struct',
    name: 'inner',
    sizeOrType: 8,
    entries: [
      ['a', 2, 0],
      ['b', 3, 32],
    ],
  }, // 4
  { kind: 'pointer', sizeOrType: 0 }, // 5
  { kind: 'struct', sizeOrType: 8, entries: [['deep', 4, 0]] }, // 6
  {
    kind: 'union',
    sizeOrType: 8,
    entries: [
      ['', 6, 0],
      ['flat', 2, 0],
    ],
  }, // 7
  { kind: 'array', sizeOrType: 0, extra: [2, 1, 4] }, // 8
  {
    kind: 'struct',
    name: 'outer',
    sizeOrType: 40,
    flag: true,
    entries: [
      ['head', 5, 0],
      ['', 7, 64],
      ['bits', 1, 128 + 3 * 2 ** 24],
      ['more', 1, 131 + 5 * 2 ** 24],
      ['words', 8, 192],
    ],
  }, // 9
  { kind: 'func', name: 'outer', sizeOrType: 0 }, // 10
  {
    kind: 'enum',
    name: 'color',
    sizeOrType: 4,
    entries: [
      ['red', 0],
      ['blue', 0xfffffffe],
    ],
  }, // 11
  { kind: 'typeTag', name: 'rcu', sizeOrType: 9 }, // 12
  {
    kind: 'struct',
    name: 'tagged',
    sizeOrType: 48,
    entries: [
      ['head', 5, 0],
      ['body', 12, 64],
    ],
  }, // 13
];

describe('a description made by hand', () => {
  const btf = new Btf(encodeBtf(types));

  it.each([
    ['inner', 'a', 0, 4],
    ['inner', 'b', 4, 4],
    ['outer', 'head', 0, 8],
    ['outer', 'deep', 8, 8],
    ['outer', 'deep.b', 12, 4],
    ['outer', 'flat', 8, 4],
    ['outer', 'words', 24, 16],
    ['tagged', 'body.deep.b', 20, 4],
  ])('%s.%s lies at %i and has %i bytes', (struct, path, offset, bytes) => {
    expect(btf.field(struct, path)).toEqual({ name: `${struct}.${path}`, offset, bytes });
  });

  it('types of one name are told apart by their kind', () => {
    expect(btf.id('struct', 'outer')).toBe(9);
    expect(btf.id('func', 'outer')).toBe(10);
    expect(btf.structBytes('outer')).toBe(40);
  });

  it('enumerators may be negative', () => {
    expect([btf.enumerator('color', 'red'), btf.enumerator('color', 'blue')]).toEqual([0, -2]);
  });

  it.each<[string, () => unknown]>([
    ['this kernel has no struct nobody', () => btf.field('nobody', 'a')],
    ['this kernel has no outer.nothing', () => btf.field('outer', 'nothing')],
    ['this kernel has no outer.head.a', () => btf.field('outer', 'head.a')],
    ['outer.more is a bit field on this kernel', () => btf.field('outer', 'more')],
    ['this kernel has no union outer', () => btf.id('union', 'outer')],
    ['this kernel has no green in enum color', () => btf.enumerator('color', 'green')],
  ])('refuses: %s', (message, ask) => {
    expect(ask).toThrow(new BtfError(message));
  });
});

describe('bytes that are no description', () => {
  const whole = encodeBtf(types);

  it('without the magic number', () => {
    expect(() => new Btf(Buffer.alloc(100))).toThrow(new BtfError('no magic number'));
  });

  it('cut off anywhere', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => new Btf(whole.subarray(0, length))).toThrow(BtfError);
    }
  });

  it('a file that is not there', () => {
    const read = (): unknown => readKernelBtf('/nowhere/vmlinux');
    expect(read).toThrow(BtfUnreadableError);
    expect(read).toThrow('cannot read /nowhere/vmlinux: ENOENT');
  });
});

describe.skipIf(!existsSync('/sys/kernel/btf/vmlinux'))('the running kernel', () => {
  it('has every helper under the number that the programs call', () => {
    const btf = readKernelBtf();
    for (const { id, name } of Object.values(helpers)) {
      expect([name, btf.enumerator('bpf_func_id', name.replace(/^bpf_/, 'BPF_FUNC_'))]).toEqual([name, id]);
    }
  });

  it('has every member that the programs read', () => {
    const { task, sock, fileContext } = kernelLayout(readKernelBtf());
    expect([task.files.bytes, task.comm.bytes, task.tid.bytes, sock.family.bytes]).toEqual([8, 16, 4, 2]);
    expect(sock.localIpv6.bytes).toBe(16);
    // struct bpf_iter__task_file is of what programs may rely on: meta, task, u32 fd, file.
    expect(fileContext.file).toMatchObject({ offset: 24, bytes: 8 });
  });
});
