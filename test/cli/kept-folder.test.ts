/** `--data` as a person meets it: where what outlives an aggregator is kept, and what is said when that cannot be. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCli, type StartedCli, startCli } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

const anyPorts = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];

let folder: string;
const started: StartedCli[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-data-'));
});
afterEach(async () => {
  for (const each of started.splice(0)) {
    each.stop('SIGTERM');
    await each.done;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Starts an aggregator. @returns it, and where it listens */
async function start(flags: readonly string[], env: Record<string, string> = {}) {
  const aggregator = startCli(['aggregator', ...anyPorts, ...flags], { env });
  started.push(aggregator);
  let address = '';
  await until('the aggregator listens', () => {
    address = /"grpc":"([^"]+)"/.exec(aggregator.err())?.[1] ?? '';
    return address !== '' || aggregator.err();
  });
  return { aggregator, address };
}

async function kept(address: string): Promise<string> {
  const { out } = await runCli(['doctor', '--server', address, '-o', 'json']);
  const { checks } = JSON.parse(out) as { checks: { check: string; detail: string }[] };
  return checks.find(({ check }) => check === 'data')?.detail ?? '';
}

test('a folder that is named is made and used, by one aggregator', async () => {
  const data = join(folder, 'deep', 'data');
  const { address } = await start(['--data', data]);
  expect(readdirSync(data)).toEqual(expect.arrayContaining(['journal']));
  expect(await kept(address)).toBe(`kept in ${data}`);
  expect(await runCli(['aggregator', ...anyPorts, '--data', data])).toEqual({
    code: 1,
    out: '',
    err: `whotalks: --data ${data}: another aggregator has it: choose another with --data DIR\n`,
  });
});

test('the default folder that another aggregator has is done without', async () => {
  const env = { WHOTALKS_DATA: '', XDG_STATE_HOME: folder };
  const first = await start([], env);
  const data = join(folder, 'whotalks', 'data');
  expect(await kept(first.address)).toBe(`kept in ${data}`);
  const second = await start([], env);
  expect(await kept(second.address)).toBe('kept in memory');
  const lines = second.aggregator.err().split('\n');
  expect(lines.filter((line) => line.includes('in memory'))).toEqual([
    expect.stringContaining(
      `--data ${data}: another aggregator has it: choose another with --data DIR. This run keeps everything in memory`,
    ),
  ]);
});

test('without a folder all is in memory', async () => {
  const { address } = await start(['--data', 'none']);
  expect(await kept(address)).toBe('kept in memory');
});

test('a folder that cannot be is refused in one line', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(await runCli(['aggregator', ...anyPorts, '--data', join(file, 'data')])).toEqual({
    code: 1,
    out: '',
    err:
      `whotalks: --data: cannot make the folder ${file}/data: a part of the path is no folder (ENOTDIR): ` +
      'choose another folder with --data DIR, or none with --data none\n',
  });
  expect((await runCli(['aggregator', ...anyPorts, '--data', ''])).code).toBe(2);
});

test.each([
  ['12', 'at least 64MiB'],
  ['1X', 'a size'],
  ['63MiB', 'at least 64MiB'],
])('--data-max %s is refused', async (text, expected) => {
  const { code, err } = await runCli(['aggregator', ...anyPorts, '--data-max', text]);
  expect(code).toBe(2);
  expect(err).toContain(`--data-max: expected ${expected}`);
});
