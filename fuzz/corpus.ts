/** The inputs in the repository: fuzz/corpus/TARGET/NAME.bin, recorded ones and those that once broke something. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Target } from './target.ts';

/** Of the repository, also for what was compiled. */
export const root = fileURLToPath(
  new URL(import.meta.url.includes('/dist/fuzz/') ? '../../' : '../', import.meta.url),
);

const folder = `${root}fuzz/corpus`;

/** Those of a target: its seeds, and what is in its folder in the order of names. */
export function corpusOf({ name, seeds }: Target): readonly Buffer[] {
  const own = `${folder}/${name}`;
  const files = existsSync(own) ? readdirSync(own).toSorted() : [];
  return [...seeds(), ...files.map((file) => readFileSync(`${own}/${file}`))];
}

/** Keeps an input that broke something. @returns its path in the repository */
export function keepBroken(target: string, input: Buffer): string {
  const name = createHash('sha256').update(input).digest('hex').slice(0, 12);
  mkdirSync(`${folder}/${target}`, { recursive: true });
  writeFileSync(`${folder}/${target}/broke-${name}.bin`, input);
  return `fuzz/corpus/${target}/broke-${name}.bin`;
}

/** A recorded input that stands elsewhere. @param path in the repository */
export function recorded(path: string): Buffer {
  return readFileSync(`${root}${path}`);
}
