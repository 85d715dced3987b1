/** The calls of the C library that eBPF takes, through koffi: bpf(2), shared memory, and the addresses of buffers. */
import { errorLine } from '../error-line.ts';
import { LibcError } from '../libc.ts';

export interface BpfCalls {
  /** Number of bpf(2) on this machine is known to the callee. -1 on failure. */
  bpf(command: number, attributes: Buffer): number;
  /** The same on a thread of the pool, while the event loop goes on: for what takes the kernel long. */
  bpfAside(command: number, attributes: Buffer): Promise<BpfOutcome>;
  /** A shared mapping of a file descriptor; null on failure. @param part default readable and writable, from the start */
  map(fd: number, length: number, part?: MappedPart): Mapping | null;
  /** Bytes of a page of memory. */
  readonly pageBytes: number;
  /** An fd of a socket that is connected to nothing; -1 on failure. */
  socket(): number;
  close(fd: number): number;
  /** Of a buffer's first byte. Valid while the buffer is referenced. */
  address(bytes: Buffer): bigint;
  /** Of the last call that failed. */
  errno(): number;
}

export interface BpfOutcome {
  /** -1 on failure. */
  readonly result: number;
  /** Of this call, should it have failed: errno() may tell of another one by the time this is read. */
  readonly errno: number;
}

export interface MappedPart {
  /** Whole pages. */
  readonly offset: number;
  readonly isReadOnly: boolean;
  /** Of a file that may not be shared, though nobody writes it. Default false. */
  readonly isPrivate?: boolean;
}

export interface Mapping {
  /** Not to be touched after `unmap`. */
  readonly bytes: Buffer;
  unmap(): void;
}

export type LoadBpfCalls = () => Promise<BpfCalls>;

/** Number of the system call, by the machine's name in Node. */
const bpfNumbers: Partial<Record<NodeJS.Architecture, number>> = {
  x64: 321,
  arm64: 280,
  riscv64: 280,
  loong64: 280,
};

const protRead = 1;
const protReadWrite = 3;
const mapShared = 1;
const mapPrivate = 2;
const mapFailed = 0xffff_ffff_ffff_ffffn;

const afUnix = 1;
const sockDatagramCloexec = 0o2000002;

/** Throws LibcError where koffi is not to be had, or the machine is one that eBPF is not known on. */
export async function loadBpfCalls(): Promise<BpfCalls> {
  const number = bpfNumbers[process.arch];
  if (number === undefined) throw new LibcError(`no number of bpf(2) is known on ${process.arch}`);
  const koffi = await importKoffi();
  const library = koffi.load(null);
  const syscall = library.func('long syscall(long, int, void *, uint32_t)') as Syscall;
  const mmap = library.func('void *mmap(void *, size_t, int, int, int, int64_t)') as Mmap;
  const munmap = library.func('int munmap(void *, size_t)') as (address: unknown, length: number) => number;
  const socket = library.func('int socket(int, int, int)') as (...numbers: number[]) => number;
  return {
    bpf: (command, attributes) => Number(syscall(number, command, attributes, attributes.length)),
    bpfAside: (command, attributes) =>
      new Promise((resolve, reject) => {
        syscall.async(number, command, attributes, attributes.length, (error, result) => {
          if (error === null) resolve({ result: Number(result), errno: koffi.errno() });
          else reject(error as Error);
        });
      }),
    map: (fd, length, { offset, isReadOnly, isPrivate = false } = wholeMapping) => {
      const protection = isReadOnly ? protRead : protReadWrite;
      const address = mmap(null, length, protection, isPrivate ? mapPrivate : mapShared, fd, offset);
      if (koffi.address(address) === mapFailed) return null;
      return {
        bytes: Buffer.from(koffi.view(address, length)),
        unmap: () => void munmap(address, length),
      };
    },
    pageBytes: (library.func('int getpagesize()') as () => number)(),
    socket: () => socket(afUnix, sockDatagramCloexec, 0),
    close: library.func('int close(int)') as (fd: number) => number,
    address: (bytes) => koffi.address(bytes),
    errno: () => koffi.errno(),
  };
}

const wholeMapping: MappedPart = { offset: 0, isReadOnly: false };

type SyscallArguments = [number: number, command: number, attributes: Buffer, length: number];
interface Syscall {
  (...asked: SyscallArguments): number | bigint;
  async(...asked: [...SyscallArguments, done: (error: unknown, result: number | bigint) => void]): void;
}
type Mmap = (
  near: null,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => unknown;

async function importKoffi(): Promise<typeof import('koffi')['default']> {
  try {
    return (await import('koffi')).default;
  } catch (error) {
    throw new LibcError(`cannot load koffi: ${errorLine(error)}`, { cause: error });
  }
}
