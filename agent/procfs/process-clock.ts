/**
 * For how long a process has run on a CPU: clock_gettime(2) tells that of any process, without a privilege, in a tenth of the
 * time that a file of /proc takes. What did not run between two looks did nothing: its files are those that it had.
 *
 * The number of such a clock (include/linux/posix-timers_types.h): the complement of the pid in the upper 29 bits, and
 * CPUCLOCK_SCHED, the time in nanoseconds of all threads, in the lower three.
 */
import type { Libc } from '../libc.ts';

const clockBits = 3;
const schedulerClock = 2;

const nsPerSecond = 1e9;

export class ProcessClock {
  readonly #libc: Pick<Libc, 'clock_gettime'>;
  /** struct timespec. */
  readonly #time = new BigInt64Array(2);

  constructor(libc: Pick<Libc, 'clock_gettime'>) {
    this.#libc = libc;
  }

  /**
   * Nanoseconds; null where there is no such process. The kernel counts when a process stops running, or at its next
   * tick: what one that runs at this moment has used since is told later.
   *
   * @param pid in the pid namespace of the agent
   */
  read(pid: number): number | null {
    if (this.#libc.clock_gettime((~pid << clockBits) | schedulerClock, this.#time) !== 0) return null;
    return Number(this.#time[0]) * nsPerSecond + Number(this.#time[1]);
  }
}
