/**
 * Calls of the C library that Node does not offer, through koffi: netlink sockets, and directory reads without garbage.
 *
 * koffi is a native module and may be missing or not fit the machine. Nothing here is loaded before it is asked for,
 * and whoever asks has a way to do without.
 */
import { errorLine } from './error-line.ts';

export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, length: number): number;
  send(fd: number, bytes: Buffer, length: number, flags: number): number;
  recv(fd: number, bytes: Buffer, length: number, flags: number): number;
  /** `entries` are struct pollfd, 8 bytes each: i32 fd, u16 events asked for, u16 events that happened. */
  poll(entries: Buffer, count: number, timeoutMs: number): number;
  close(fd: number): number;
  /** Moves the calling thread, and no other, into the namespace that `fd` is open on. */
  setns(fd: number, type: number): number;
  /** Entries as struct linux_dirent64; 0 at the end. */
  getdents64(fd: number, bytes: Buffer, length: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  /** `name` ends with a NUL byte, the target does not. */
  readlinkat(folderFd: number, name: Buffer, target: Buffer, length: number): number;
  /** `time` gets a struct timespec: seconds, nanoseconds. */
  clock_gettime(clock: number, time: BigInt64Array): number;
  /** Of the last call that returned -1. */
  errno(): number;
}

/** koffi, or one of the functions, is not to be had. */
export class LibcError extends Error {
  override readonly name = 'LibcError';
}

export type LoadLibc = () => Promise<Libc>;

/** Throws LibcError. */
export async function loadLibc(): Promise<Libc> {
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    return {
      socket: library.func('int socket(int, int, int)') as Libc['socket'],
      bind: library.func('int bind(int, const void *, uint32_t)') as Libc['bind'],
      setsockopt: library.func('int setsockopt(int, int, int, const void *, uint32_t)') as Libc['setsockopt'],
      send: library.func('intptr_t send(int, const void *, size_t, int)') as Libc['send'],
      recv: library.func('intptr_t recv(int, void *, size_t, int)') as Libc['recv'],
      poll: library.func('int poll(void *, unsigned long, int)') as Libc['poll'],
      close: library.func('int close(int)') as Libc['close'],
      setns: library.func('int setns(int, int)') as Libc['setns'],
      getdents64: library.func('intptr_t getdents64(int, void *, size_t)') as Libc['getdents64'],
      lseek: library.func('intptr_t lseek(int, intptr_t, int)') as Libc['lseek'],
      readlinkat: library.func(
        'intptr_t readlinkat(int, const void *, void *, size_t)',
      ) as Libc['readlinkat'],
      clock_gettime: library.func('int clock_gettime(int, void *)') as Libc['clock_gettime'],
      errno: () => koffi.errno(),
    };
  } catch (error) {
    throw new LibcError(`cannot load koffi: ${errorLine(error)}`, { cause: error });
  }
}
