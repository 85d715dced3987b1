/** Where fds that a process got since its last walk are likely to be. */

/** How many numbers are tried for them, before all of its fds are listed. */
export const guessedFdsMax = 32;

/** The numbers that the kernel gives to files that are opened next: the lowest ones that are free. @param fds ascending */
export function* nextFds(fds: readonly number[]): Generator<number, void> {
  let guessed = 0;
  for (let fd = 0, i = 0; guessed < guessedFdsMax; fd++) {
    if (fds[i] === fd) i++;
    else {
      guessed++;
      yield fd;
    }
  }
}
