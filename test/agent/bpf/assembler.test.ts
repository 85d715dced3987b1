/** Instructions beside the encodings of the instruction set's document, and labels. */
import { describe, expect, it } from 'vitest';
import { AssemblyError, assemble } from '../../../agent/bpf/assembler.ts';
import {
  add,
  and,
  callHelper,
  callKernel,
  exit,
  type Instruction,
  jump,
  jumpIf,
  label,
  load,
  loadCallback,
  loadConstant,
  loadMap,
  loadMapValue,
  move,
  networkToHost16,
  shiftLeft,
  shiftRight,
  store,
} from '../../../agent/bpf/instruction.ts';

const field = (bytes: number, offset: number) => ({ name: 'struct.member', offset, bytes });

function hexOf(instruction: Instruction): string {
  return assemble([instruction]).bytes.toString('hex');
}

describe('instructions', () => {
  it.each<[string, Instruction, string]>([
    ['r1 = r2', move('r1', 'r2'), 'bf21000000000000'],
    ['r3 = -1', move('r3', -1), 'b7030000ffffffff'],
    ['r1 += 8', add('r1', 8), '0701000008000000'],
    ['r1 += r10', add('r1', 'fp'), '0fa1000000000000'],
    ['r4 &= 2097152', and('r4', 0x200000), '5704000000002000'],
    ['r1 <<= 3', shiftLeft('r1', 3), '6701000003000000'],
    ['r1 >>= 3', shiftRight('r1', 3), '7701000003000000'],
    ['be16', networkToHost16('r1'), 'dc01000010000000'],
    ['load u8', load('r1', 'r2', field(1, 4)), '7121040000000000'],
    ['load u16', load('r1', 'r2', field(2, 4)), '6921040000000000'],
    ['load u32', load('r1', 'r2', field(4, 4)), '6121040000000000'],
    ['load u64', load('r6', 'fp', field(8, -16)), '79a6f0ff00000000'],
    ['store u8', store('r0', field(1, 18), 'r1'), '7310120000000000'],
    ['store u16', store('r0', field(2, 18), 'r1'), '6b10120000000000'],
    ['store u32', store('r0', field(4, 18), 'r1'), '6310120000000000'],
    ['store u64', store('fp', field(8, -8), 'r1'), '7b1af8ff00000000'],
    ['store u32 of a number', store('r0', field(4, 18), 0xffff0000), '620012000000ffff'],
    ['call a helper', callHelper({ id: 181, name: 'bpf_loop' }), '85000000b5000000'],
    ['call a kernel function', callKernel(65477, 'bpf_rdonly_cast'), '85200000c5ff0000'],
    ['exit', exit(), '9500000000000000'],
    ['map', loadMap('r1', 7), '18110000070000000000000000000000'],
    ['map value', loadMapValue('r9', 7), '18290000070000000000000000000000'],
    ['64-bit constant', loadConstant('r2', 0xffffffff81234567n), '180200006745238100000000ffffffff'],
  ])('%s', (_, instruction, hex) => {
    expect(hexOf(instruction)).toBe(hex);
  });

  it('a field that no register holds is refused', () => {
    expect(() => load('r1', 'r2', field(16, 0))).toThrow(
      new RangeError('struct.member has 16 bytes: no register holds it'),
    );
    expect(() => store('r1', field(3, 0), 0)).toThrow(RangeError);
  });
});

describe('labels', () => {
  it('jumps count from the instruction after, and wide instructions as two', () => {
    const { bytes, labels, listing } = assemble([
      label('top'),
      jumpIf('r1', '==', 0, 'end'),
      loadMap('r1', 3),
      jumpIf('r1', '<', 'r2', 'top'),
      loadCallback('r2', 'callback'),
      jump('end'),
      label('end'),
      exit(),
      label('callback'),
      exit(),
    ]);
    expect(bytes.readInt16LE(2)).toBe(6);
    expect(bytes.readInt16LE(3 * 8 + 2)).toBe(-4);
    expect(bytes.readInt32LE(4 * 8 + 4)).toBe(3);
    expect(bytes.readInt16LE(6 * 8 + 2)).toBe(0);
    expect([...labels]).toEqual([
      ['top', 0],
      ['end', 7],
      ['callback', 8],
    ]);
    expect(listing()).toEqual([
      'top:',
      '0: if r1 == 0 goto end',
      '1: r1 = map[fd:3]',
      '3: if r1 < r2 goto top',
      '4: r2 = &callback',
      '6: goto end',
      'end:',
      '7: exit',
      'callback:',
      '8: exit',
    ]);
  });

  it('the listing names the members', () => {
    const { listing } = assemble([load('r1', 'r6', field(8, 1824)), store('fp', field(4, -8), 'r1')]);
    expect(listing()).toEqual([
      '0: r1 = *(u64 *)(r6 + 1824)  ; struct.member',
      '1: *(u32 *)(fp - 8) = r1  ; struct.member',
    ]);
  });

  it.each<[string, Parameters<typeof assemble>[0]]>([
    ['no label nowhere', [jump('nowhere')]],
    ['label twice stands twice', [label('twice'), exit(), label('twice')]],
    [
      'label far is 40000 instructions away: too far to jump',
      [jump('far'), ...Array.from({ length: 40_000 }, exit), label('far')],
    ],
  ])('refuses: %s', (message, statements) => {
    expect(() => assemble(statements)).toThrow(new AssemblyError(message));
  });
});
