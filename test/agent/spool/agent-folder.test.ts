/** The agent's folder on a real disk: the epoch that only grows, up to when it has watched, and who has the folder. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentFolder, folderOfHost, openAgentFolder } from '../../../agent/spool/agent-folder.ts';
import { epochAt } from '../../../agent/spool/epoch.ts';
import { readWatched, WatchedFile, watchedFileMax } from '../../../agent/spool/watched.ts';
import { realDisk } from '../../../disk/disk.ts';
import { takeFolder } from '../../../disk/folder-lock.ts';

const startMs = 1_700_000_000_000;
const bootId = 'b0070000-0000-4000-8000-000000000001';

let base: string;
let path: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'whotalks-agent-'));
  path = join(base, 'agent', 'h1');
});
afterEach(() => {
  rmSync(base, { recursive: true });
});

const open = (unixMs = startMs): Promise<AgentFolder | string> =>
  openAgentFolder({ disk: realDisk, takeFolder, path, beginning: { unixMs, bootId } });

/** One run, which lets go of the folder. */
async function run(unixMs = startMs): Promise<AgentFolder> {
  const folder = await open(unixMs);
  if (typeof folder === 'string') throw new Error(folder);
  folder.lock.close();
  return folder;
}

describe('the epoch', () => {
  test('of a first run is above those that were made of the time before', async () => {
    const { epoch, before } = await run();
    expect(epoch).toBe(epochAt(startMs));
    expect(before).toBeNull();
  });

  test('is one higher with each run, also when the clock was set back', async () => {
    const first = await run();
    const next = await run(startMs - 3_600_000);
    expect(next.epoch).toBe(first.epoch + 1);
    expect((await run(startMs - 7_200_000)).epoch).toBe(first.epoch + 2);
  });

  test('is above that of a run without a folder in between, which is made of the time', async () => {
    await run();
    const without = epochAt(startMs + 60_000);
    expect((await run(startMs + 120_000)).epoch).toBeGreaterThan(without);
  });

  test('is made of the time where the file cannot be read', async () => {
    await run();
    const file = join(path, 'epoch');
    const bytes = readFileSync(file);
    bytes[bytes.length - 3]! ^= 1;
    writeFileSync(file, bytes);
    expect((await run(startMs + 1000)).epoch).toBe(epochAt(startMs + 1000));
  });
});

describe('up to when it has watched', () => {
  async function written(...times: readonly number[]): Promise<void> {
    const file = new WatchedFile(realDisk, path, bootId);
    for (const unixMs of times) {
      file.write(unixMs);
      await file.settled();
      expect(readWatched(realDisk, path)?.unixMs).toBe(unixMs);
    }
    await file.close();
  }

  test('is the last that was written, and comes to the next run', async () => {
    await run();
    await written(startMs + 1000, startMs + 2000);
    expect((await run()).before).toEqual({ unixMs: startMs + 2000, bootId });
  });

  test('is the one before a record that is torn', async () => {
    await run();
    await written(startMs + 1000);
    appendFileSync(join(path, 'watched'), Buffer.from([40, 0, 0, 0, 1, 2, 3]));
    expect((await run()).before).toEqual({ unixMs: startMs + 1000, bootId });
    await written(startMs + 5000, startMs + 6000);
    expect((await run()).before).toEqual({ unixMs: startMs + 6000, bootId });
  });

  test('is the beginning of the run before where that left no more', async () => {
    await run(startMs + 500);
    expect((await run()).before).toEqual({ unixMs: startMs + 500, bootId });
  });

  test('takes no more room the longer it is', async () => {
    await run();
    const file = new WatchedFile(realDisk, path, bootId);
    const recordBytes = 100;
    for (let n = 1; n * recordBytes < 2 * watchedFileMax; n++) {
      file.write(startMs + n);
      await file.settled();
    }
    await file.close();
    expect(readFileSync(join(path, 'watched')).length).toBeLessThan(watchedFileMax + 2 * recordBytes);
  });
});

describe('an agent without the folder says why', () => {
  const inMemory =
    'what closes while no aggregator takes it is kept in memory only, and is missing after a restart: ';

  test('where another one has it', async () => {
    const first = await open();
    expect(await open()).toBe(`${inMemory}another agent has ${path}`);
    expect(typeof first).toBe('object');
    if (typeof first !== 'string') first.lock.close();
    expect(typeof (await open())).toBe('object');
  });

  test('where it cannot be made', async () => {
    path = join(base, 'file', 'h1');
    writeFileSync(join(base, 'file'), '');
    expect(await open()).toBe(
      `${inMemory}cannot make the folder ${path}: a part of the path is no folder (ENOTDIR)`,
    );
  });
});

test.each([
  ['h1.example_net-2', '/base/h1.example_net-2'],
  ['..', /^\/base\/[0-9a-f]{32}$/],
  ['a/b', /^\/base\/[0-9a-f]{32}$/],
  ['', /^\/base\/[0-9a-f]{32}$/],
  ['x'.repeat(300), /^\/base\/[0-9a-f]{32}$/],
])('the folder of host %j stays within its base', (hostId, expected) => {
  expect(folderOfHost('/base', hostId)).toMatch(expected);
});
