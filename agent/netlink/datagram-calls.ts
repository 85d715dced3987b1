/** The calls of the C library for many datagrams at once, and for answers that take long, through koffi. */
import { errorLine } from '../error-line.ts';
import { type Libc, LibcError, loadLibc } from '../libc.ts';

export interface DatagramCalls extends Libc {
  /** @param headers struct mmsghdr, `count` of them. Number of datagrams received; -1 on failure. */
  recvmmsg(fd: number, headers: Buffer, count: number, flags: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer, length: number): number;
  /** As send, on another thread: the kernel begins a dump within it. `fd` and `bytes` are to stay until it is over. */
  sendAside(fd: number, bytes: Buffer): Promise<CallResult>;
  /** As recv, on another thread. `fd` and `bytes` are to stay until it is over. */
  recvAside(fd: number, bytes: Buffer, flags: number): Promise<CallResult>;
  /** Of a buffer's first byte. Valid while the buffer is referenced. */
  address(bytes: Buffer): bigint;
}

export interface CallResult {
  /** -1 on failure. */
  readonly result: number;
  readonly errno: number;
}

export type LoadDatagramCalls = () => Promise<DatagramCalls>;

/** Throws LibcError. */
export async function loadDatagramCalls(): Promise<DatagramCalls> {
  const libc = await loadLibc();
  const { default: koffi } = await import('koffi');
  try {
    const library = koffi.load(null);
    const recvmmsg = library.func('int recvmmsg(int, void *, unsigned int, int, void *)');
    const send = library.func('intptr_t send(int, const void *, size_t, int)');
    const recv = library.func('intptr_t recv(int, void *, size_t, int)');
    const aside = (call: typeof send, ...args: readonly unknown[]): Promise<CallResult> =>
      new Promise((resolve, reject) => {
        call.async(...args, (error: Error | null, result: number | bigint) => {
          if (error === null) resolve({ result: Number(result), errno: koffi.errno() });
          else reject(new LibcError(error.message));
        });
      });
    return {
      ...libc,
      recvmmsg: (fd, headers, count, flags) => Number(recvmmsg(fd, headers, count, flags, null)),
      setsockopt: library.func(
        'int setsockopt(int, int, int, const void *, uint32_t)',
      ) as DatagramCalls['setsockopt'],
      sendAside: (fd, bytes) => aside(send, fd, bytes, bytes.length, 0),
      recvAside: (fd, bytes, flags) => aside(recv, fd, bytes, bytes.length, flags),
      address: (bytes) => koffi.address(bytes),
    };
  } catch (error) {
    throw new LibcError(`cannot load koffi: ${errorLine(error)}`, { cause: error });
  }
}
