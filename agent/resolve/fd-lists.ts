/**
 * Lists of one fd, which nearly every socket has under nearly every process that holds it: equal ones are one object. A list
 * for each would be 56 bytes per socket.
 */

/** Up to which fd lists are shared; few processes have higher ones. */
export const sharedFdsMax = 4096;

export class FdLists {
  readonly #byFd: (readonly number[])[] = [];

  /** A list of this fd alone, not to be changed. */
  of(fd: number): readonly number[] {
    if (fd >= sharedFdsMax) return [fd];
    this.#byFd[fd] ??= [fd];
    return this.#byFd[fd];
  }
}
