/** For how long processes have run, with real ones. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { loadLibc } from '../../../agent/libc.ts';
import { ProcessClock } from '../../../agent/procfs/process-clock.ts';
import { until } from '../../support/until.ts';

let shell: ChildProcess | null = null;

afterEach(() => void shell?.kill('SIGKILL'));

it('stands still while a process waits, and goes on when it has run', async () => {
  const clock = new ProcessClock(await loadLibc());
  shell = spawn('bash', ['--norc', '-c', 'while read; do echo up; done'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const pid = shell.pid!;
  shell.stdin!.write('\n');
  await once(shell.stdout!, 'data');
  let waiting = clock.read(pid);
  await until('the shell waits', () => {
    const before = waiting;
    waiting = clock.read(pid);
    return waiting === before;
  });
  expect(waiting).toBeGreaterThan(0);
  shell.stdin!.write('\n');
  await once(shell.stdout!, 'data');
  await until('the shell has run', () => clock.read(pid)! > waiting!);
});

it('is nobody’s where there is no process', async () => {
  const clock = new ProcessClock(await loadLibc());
  shell = spawn('true');
  await once(shell, 'exit');
  expect(clock.read(shell.pid!)).toBe(null);
});

it('counts in nanoseconds', () => {
  const asked: number[] = [];
  const clock = new ProcessClock({
    clock_gettime: (number, time) => {
      asked.push(number);
      time.set([2n, 5n]);
      return 0;
    },
  });
  expect(clock.read(7)).toBe(2_000_000_005);
  expect(asked).toEqual([-62]);
});
