/** Runs the learning program, once. */
import type { BpfCalls } from './bpf-calls.ts';
import { iterate } from './iteration.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { learningProgram } from './learning-program.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { learnedLayout } from './scan-memory.ts';

/** What stays as it is while the agent runs. */
export interface Learned {
  /** See learnedLayout. */
  readonly socketOperations: bigint;
  readonly pidLevel: number;
}

/**
 * Throws BpfError.
 *
 * @param pid of the agent, whose files alone are looked at; null = all files, where the kernel cannot choose (before 6.1)
 */
export async function learn(calls: BpfCalls, kernel: BasicLayout, pid: number | null): Promise<Learned> {
  const fds: number[] = [];
  const map = MappedArray.create(calls, 'learned', learnedLayout.bytes, 1);
  try {
    // There is at least this one file that is a socket.
    fds.push(calls.socket());
    const link = await linkProgram(calls, {
      name: 'learn',
      statements: learningProgram(kernel, map.fd),
      iterator: kernel.functions.fileIterator,
      callbacks: [],
      pid,
    });
    fds.push(link);
    await iterate(calls, link);
    const { socketOperations, pidLevel } = learnedLayout.fields;
    return {
      socketOperations: map.bytes.readBigUInt64LE(socketOperations.offset),
      pidLevel: map.bytes.readUInt32LE(pidLevel.offset),
    };
  } finally {
    for (const fd of fds) if (fd >= 0) calls.close(fd);
    map.close();
  }
}
