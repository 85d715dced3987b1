/** The peer in C (bench/programs/hash-join.c), compiled where the bench runs. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seed } from './core-fleet.ts';

const source = fileURLToPath(new URL('../programs/hash-join.c', import.meta.url));

export interface JoinRun {
  /** Nanoseconds of CPU per half. */
  readonly openNs: number;
  readonly bytesPerConnection: number;
  readonly matched: number;
}

/** @returns the program, or null where there is no C compiler */
export function compileJoin(folder: string): string | null {
  const program = join(folder, 'hash-join');
  try {
    execFileSync('cc', ['-O3', '-march=native', '-o', program, source], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return program;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
}

export function runJoin(program: string, columnsFile: string, prefetches: boolean): JoinRun {
  const text = execFileSync(program, [columnsFile, String(seed), prefetches ? '1' : '0'], {
    encoding: 'utf8',
  });
  const [openNs, bytesPerConnection, matched] = text.trim().split(' ').map(Number) as [
    number,
    number,
    number,
  ];
  return { openNs, bytesPerConnection, matched };
}
