/** From statements to an iterator that is ready to run. */
import { assemble } from './assembler.ts';
import type { BpfCalls } from './bpf-calls.ts';
import { callbackPlaces, callbackTypes } from './callback-types.ts';
import type { Statement } from './instruction.ts';
import { type FunctionTypes, linkIterator, loadIteratorProgram, loadTypes, processScope } from './syscall.ts';

export interface LinkedProgram {
  readonly name: string;
  readonly statements: readonly Statement[];
  /** BTF id of the kernel's function that stands for the iterator. */
  readonly iterator: number;
  /** Labels of the functions that the program has called back, in the order in which they stand. */
  readonly callbacks: readonly string[];
  /** Visits this process alone; null = all. */
  readonly pid: number | null;
  /** May wait for memory of a process to be read from disk. */
  readonly isSleepable?: boolean;
  /** What an iterator of something else than processes visits: a union bpf_iter_link_info. */
  readonly scope?: Buffer;
}

/** @returns fd of a link, which holds everything else that it needs. Rejects with BpfError. */
export async function linkProgram(
  calls: BpfCalls,
  { name, statements, iterator, callbacks, pid, isSleepable = false, scope }: LinkedProgram,
): Promise<number> {
  const { bytes, labels, listing } = assemble(statements);
  const load = async (functions?: FunctionTypes): Promise<number> => {
    const program = { name, instructions: bytes, listing, iterator, isSleepable };
    const described = functions === undefined ? program : { ...program, functions };
    return withFd(calls, await loadIteratorProgram(calls, described), (fd) =>
      linkIterator(calls, fd, scope ?? (pid === null ? null : processScope(pid))),
    );
  };
  if (callbacks.length === 0) return load();
  const places = callbackPlaces(callbacks.map((callback) => labels.get(callback)!));
  return withFd(calls, loadTypes(calls, callbackTypes(callbacks)), (types) => load({ types, places }));
}

/** Closes `fd` after its use. */
async function withFd<T>(calls: BpfCalls, fd: number, use: (fd: number) => T | Promise<T>): Promise<T> {
  try {
    return await use(fd);
  } finally {
    calls.close(fd);
  }
}
