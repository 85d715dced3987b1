/** CPU of this process, and of its main thread alone. */
import koffi from 'koffi';

/** @returns milliseconds of CPU, user and system, of all threads while `work` runs */
export function cpuMs(work: () => void): number {
  const begun = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}

/** CLOCK_THREAD_CPUTIME_ID of clock_gettime(2). */
const threadClock = 3;

/**
 * A clock in milliseconds that runs while this thread does: what a block takes of it, and neither what other processes took
 * meanwhile nor what compilers and collectors did beside it.
 */
export function openThreadClock(): () => number {
  const clockGettime = koffi.load('libc.so.6').func('int clock_gettime(int clock, void *time)') as (
    clock: number,
    time: BigInt64Array,
  ) => number;
  const time = new BigInt64Array(2);
  return () => {
    clockGettime(threadClock, time);
    return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
  };
}
