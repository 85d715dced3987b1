/** The C library's socket calls, which Node does not offer for AF_NETLINK, through koffi. */
import { NetlinkError } from './netlink-error.ts';

export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  send(fd: number, bytes: Buffer, length: number, flags: number): number;
  recv(fd: number, bytes: Buffer, length: number, flags: number): number;
  close(fd: number): number;
  /** Of the last call that returned -1. */
  errno(): number;
}

/** Loads koffi, a native module, on first use. Throws NetlinkError where it is not installed or does not fit the machine. */
export async function loadLibc(): Promise<Libc> {
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    return {
      socket: library.func('int socket(int, int, int)') as Libc['socket'],
      bind: library.func('int bind(int, const void *, uint32_t)') as Libc['bind'],
      send: library.func('ssize_t send(int, const void *, size_t, int)') as Libc['send'],
      recv: library.func('ssize_t recv(int, void *, size_t, int)') as Libc['recv'],
      close: library.func('int close(int)') as Libc['close'],
      errno: () => koffi.errno(),
    };
  } catch (error) {
    throw new NetlinkError('load koffi', (error as Error).message.split('\n')[0]!, { cause: error });
  }
}
