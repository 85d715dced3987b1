/** Where fds that a process got since its last walk are likely to be. */

/** The numbers that the kernel gives to files that are opened next: the lowest ones that are free. @param fds ascending */
export function* nextFds(fds: readonly number[]): Generator<number, never> {
  for (let fd = 0, i = 0; ; fd++) {
    if (fds[i] === fd) i++;
    else yield fd;
  }
}
