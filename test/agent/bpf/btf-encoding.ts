/** Encodes small BTF by hand, for tests of what reads it. */
import { type BtfKind, btfKinds, btfMagic } from '../../../agent/bpf/btf.ts';

export interface BtfType {
  readonly kind: BtfKind;
  /** Default none. */
  readonly name?: string;
  /** Size in bytes, or id of another type. */
  readonly sizeOrType: number;
  /** Entries, such as struct members; names in them stand as text. */
  readonly entries?: readonly (readonly (number | string)[])[];
  /** What stands once behind the type. */
  readonly extra?: readonly number[];
  readonly flag?: boolean;
}

/** The first type has id 1. */
export function encodeBtf(types: readonly BtfType[]): Buffer {
  const names = types.flatMap(({ name, entries = [] }) => [name ?? '', ...entries.flat()]);
  const texts = [...new Set(names.filter((name): name is string => typeof name === 'string' && name !== ''))];
  const strings = `\0${texts.map((text) => `${text}\0`).join('')}`;
  const offsetOf = (name: string): number => (name === '' ? 0 : strings.indexOf(`\0${name}\0`) + 1);
  const words = types.flatMap(({ kind, name = '', sizeOrType, entries = [], extra = [], flag = false }) => [
    offsetOf(name),
    (flag ? 0x80000000 : 0) + btfKinds[kind] * 2 ** 24 + entries.length,
    sizeOrType,
    ...extra,
    ...entries.flat().map((value) => (typeof value === 'string' ? offsetOf(value) : value)),
  ]);
  const body = Buffer.from(new Uint32Array(words).buffer);
  const header = Buffer.from(
    new Uint32Array([0x10000 + btfMagic, 24, 0, body.length, body.length, strings.length]).buffer,
  );
  return Buffer.concat([header, body, Buffer.from(strings, 'latin1')]);
}
