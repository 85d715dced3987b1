/** CPU of this process, all its threads, as long as something runs that does not wait. */

/** @returns milliseconds, user and system */
export function cpuMs(work: () => void): number {
  const begun = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}
