/** One process has a folder: whoever comes second is told so, and what a killed process had is free at once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FolderTaken, takeFolder } from '../../disk/folder-lock.ts';

const compiled = fileURLToPath(new URL('../../dist/disk/folder-lock.js', import.meta.url));

let folder: string;
const locks: FolderTaken[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-lock-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const taken of locks.splice(0)) if (taken.kind === 'taken') taken.lock.close();
  rmSync(folder, { recursive: true, force: true });
});

async function take(where = folder): Promise<FolderTaken['kind']> {
  const taken = await takeFolder(where);
  locks.push(taken);
  return taken.kind;
}

/** A process that takes the folder, says what came of it, and stays. */
async function takeElsewhere(): Promise<{ child: ChildProcess; kind: string }> {
  const script = `import(${JSON.stringify(compiled)}).then(async ({ takeFolder }) => {
    globalThis.taken = await takeFolder(${JSON.stringify(folder)});
    console.log(globalThis.taken.kind);
    setInterval(() => {}, 1e6);
  })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
  return { child, kind: said.trim() };
}

describe('a folder', () => {
  it('is had by one, until that lets go', async () => {
    const first = await takeFolder(folder);
    expect(first.kind).toBe('taken');
    expect(await take()).toBe('in-use');
    if (first.kind === 'taken') first.lock.close();
    expect(await take()).toBe('taken');
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('is had by one of many that come at once', async () => {
    for (let round = 0; round < 10; round++) {
      const kinds = await Promise.all(Array.from({ length: 6 }, () => take()));
      expect(kinds.filter((kind) => kind === 'taken').length).toBeLessThanOrEqual(1);
      for (const taken of locks.splice(0)) if (taken.kind === 'taken') taken.lock.close();
    }
    expect(await take()).toBe('taken');
  });

  it('is free when the process that had it is killed', async () => {
    const { child, kind } = await takeElsewhere();
    expect(kind).toBe('taken');
    expect(await take()).toBe('in-use');
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    expect(await take()).toBe('taken');
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('is not free while the process that has it is stopped', async () => {
    const { child } = await takeElsewhere();
    child.kill('SIGSTOP');
    expect(await take()).toBe('in-use');
  });

  it('may have a long path', async () => {
    const deep = join(folder, 'x'.repeat(100), 'y'.repeat(100));
    mkdirSync(deep, { recursive: true });
    expect(await take(deep)).toBe('taken');
    expect(await take(deep)).toBe('in-use');
    expect(readdirSync(deep)).toHaveLength(1);
  });

  it('that is not there cannot be taken', async () => {
    const taken = await takeFolder(join(folder, 'none'));
    expect(taken.kind === 'failed' && taken.error.path).toBe(join(folder, 'none'));
  });
});
