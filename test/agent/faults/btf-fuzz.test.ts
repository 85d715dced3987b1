/** Type descriptions that are damaged in any way: what is asked of them is answered or refused with BtfError, at once. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Btf, BtfError, type BtfKind, btfKinds } from '../../../agent/bpf/btf.ts';
import { kernelLayout } from '../../../agent/bpf/kernel-layout.ts';
import { fc } from '../../support/random-cases.ts';
import { type BtfType, encodeBtf } from '../bpf/btf-encoding.ts';

const vmlinux = '/sys/kernel/btf/vmlinux';
const names = ['', 'a', 'b', 'c'] as const;

/** Any type at all, whatever it refers to: itself, others that refer back, types that are none. */
const anyType: fc.Arbitrary<BtfType> = fc
  .record({
    kind: fc.constantFrom<BtfKind>('struct', 'union', 'typedef', 'const', 'array', 'pointer', 'int', 'enum'),
    name: fc.constantFrom(...names),
    sizeOrType: fc.integer({ min: 0, max: 8 }),
    flag: fc.boolean(),
    members: fc.array(fc.tuple(fc.constantFrom(...names), fc.integer({ min: 0, max: 8 }), fc.nat(512)), {
      maxLength: 4,
    }),
    element: fc.integer({ min: 0, max: 8 }),
  })
  .map(({ kind, members, element, ...type }) => {
    if (kind === 'struct' || kind === 'union') return { ...type, kind, entries: members };
    if (kind === 'enum') return { ...type, kind, entries: members.map(([name, , value]) => [name, value]) };
    if (kind === 'array') return { ...type, kind, extra: [element, 1, 3] };
    return { ...type, kind, extra: kind === 'int' ? [32] : [] };
  });

/** Every question, of every name: each is answered, or refused as it should be. */
function askEverything(bytes: Buffer): void {
  const refusals: unknown[] = [];
  const attempt = (ask: () => unknown): void => {
    try {
      ask();
    } catch (error) {
      if (!(error instanceof BtfError)) refusals.push(error);
    }
  };
  let btf: Btf | null = null;
  attempt(() => {
    btf = new Btf(bytes);
  });
  for (const name of btf === null ? [] : names.slice(1)) {
    for (const kind of Object.keys(btfKinds) as BtfKind[]) attempt(() => btf!.id(kind, name));
    for (const member of names.slice(1)) {
      attempt(() => btf!.field(name, member));
      attempt(() => btf!.field(name, `${member}.a.b`));
      attempt(() => btf!.enumerator(name, member));
    }
    attempt(() => btf!.structBytes(name));
  }
  expect(refusals).toEqual([]);
}

describe('any types', () => {
  it('are answered for or refused, also where they go in circles', () => {
    fc.assert(fc.property(fc.array(anyType, { maxLength: 8 }), (types) => askEverything(encodeBtf(types))));
  });

  it('with any bytes spoilt too', () => {
    const spoilt = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(anyType, { minLength: 1, maxLength: 8 }),
        spoilt,
        fc.nat(),
        (types, changes, cut) => {
          const bytes = encodeBtf(types);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          askEverything(bytes.subarray(0, bytes.length - (cut % 8)));
        },
      ),
    );
  });

  it.each<[string, BtfType[]]>([
    ['a typedef of itself', [{ kind: 'typedef', name: 'b', sizeOrType: 1 }]],
    ['an array of itself', [{ kind: 'array', sizeOrType: 0, extra: [1, 1, 2] }]],
  ])('%s is refused', (_, types) => {
    const holder: BtfType = { kind: 'struct', name: 'a', sizeOrType: 8, entries: [['b', 1, 0]] };
    const btf = new Btf(encodeBtf([...types, holder]));
    expect(() => btf.field('a', 'b')).toThrow(new BtfError('type 1 refers to itself'));
  });

  it('structs without names that hold each other have no member besides their own', () => {
    const types: BtfType[] = [
      { kind: 'struct', name: 'a', sizeOrType: 8, entries: [['', 2, 64]] },
      { kind: 'struct', sizeOrType: 8, entries: [['', 1, 32]] },
    ];
    expect(() => new Btf(encodeBtf(types)).field('a', 'b')).toThrow(new BtfError('this kernel has no a.b'));
  });

  it('thousands of structs without names in each other are searched once each', () => {
    const depth = 40;
    const types = Array.from({ length: depth }, (_, i): BtfType => {
      const next = i + 2 > depth ? 0 : i + 2;
      const entries = Array.from({ length: 4 }, () => ['', next, 0]);
      return { kind: 'struct', ...(i === 0 ? { name: 'a' } : {}), sizeOrType: 8, entries };
    });
    expect(() => new Btf(encodeBtf(types)).field('a', 'b')).toThrow(new BtfError('this kernel has no a.b'));
  });
});

describe.skipIf(!existsSync(vmlinux))('the description of the running kernel', () => {
  const whole = existsSync(vmlinux) ? readFileSync(vmlinux) : Buffer.alloc(0);

  it('cut off anywhere is refused', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        expect(() => new Btf(whole.subarray(0, length))).toThrow(BtfError);
      }),
    );
  });

  it('with bytes spoilt gives a layout or is refused', () => {
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 2000,
    });
    fc.assert(
      fc.property(changes, (all) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of all) bytes[at] = byte;
        try {
          kernelLayout(new Btf(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(BtfError);
        }
      }),
      { numRuns: 25 },
    );
  });
});
