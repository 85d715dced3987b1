/**
 * Has V8 work as befits an agent, and V8 and the C library keep its memory small.
 *
 * A first scan is a short program in a new process: most of what it runs is never run that often again. By itself V8
 * would spend a third of its CPU on optimizing that.
 *
 *     no-opt                       nothing is optimized; for optimizeAfterMs at most, since many sockets make it worth while
 *
 * By itself V8 takes twice what lives, so that it collects less often: it lets the young generation grow to 32 MiB and the
 * old one by half and more before it looks for garbage. Nearly all that a first scan makes stays, however often it is looked
 * for in the young generation, and later scans make little. So that room would be taken and never be used.
 *
 *     semi-space-growth-factor=1   the young generation stays as it is at the start: 1 MiB
 *     no-parallel-scavenge         1 MiB is collected by one thread: waking the others takes longer than they save
 *     optimize-for-size            the old one may grow by a third until garbage is looked for; after a first scan, during
 *                                  which that would be all the time
 *
 * V8 reads all of them whenever it collects or would optimize, so they take effect in a process that runs;
 * --max-semi-space-size would not.
 *
 * glibc gives large blocks back to the kernel when they are freed, until one was freed: from then on it keeps blocks of
 * that size in its own heap. An agent frees blocks of megabytes once, the kernel's description of its types, and
 * would keep that much for good. A threshold that was set stays (mallopt(3)).
 *
 * What lies free between blocks that are in use it never gives back by itself, and each thread of V8 and of the pool has
 * a heap of its own, which was large while everything was compiled and looked up. An agent at rest holds 2 MiB of both, so
 * malloc_trim(3) is called now and again: it takes less than half a millisecond.
 */
import { setFlagsFromString } from 'node:v8';

const flags = {
  firstScan: ['--no-opt', '--semi-space-growth-factor=1', '--no-parallel-scavenge'],
  laterScans: ['--opt', '--optimize-for-size'],
} as const;

/** How long a first scan goes on without optimized code: some 20,000 sockets take less. */
export const optimizeAfterMs = 500;

/** Parameters of mallopt(3). */
const [trimThreshold, mapThreshold] = [-1, -3];

/** Blocks of this size or more are given back when they are freed, and the end of the heap when that much is free. */
export const keptBlockBytes = 128 * 1024;

/** From one time that free memory is given back to the next. */
export const trimIntervalMs = 30_000;

/** To be called before the first scan, and after it. */
export function tuneV8(stage: keyof typeof flags): void {
  for (const flag of flags[stage]) setFlagsFromString(flag);
  if (stage === 'firstScan') setTimeout(() => setFlagsFromString('--opt'), optimizeAfterMs).unref();
}

/** For a process that is an agent and nothing else. */
export async function giveMemoryBack(signal: AbortSignal): Promise<void> {
  const allocator = await loadAllocator();
  if (allocator === null) return;
  allocator.set(mapThreshold, keptBlockBytes);
  allocator.set(trimThreshold, keptBlockBytes);
  const timer = setInterval(() => allocator.trim(0), trimIntervalMs).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

interface Allocator {
  readonly set: (parameter: number, value: number) => number;
  /** @param keptBytes at the end of the heap */
  readonly trim: (keptBytes: number) => number;
}

/** Null where there is no koffi, or the C library is another one and has no such functions. */
async function loadAllocator(): Promise<Allocator | null> {
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    return { set: library.func('int mallopt(int, int)'), trim: library.func('int malloc_trim(size_t)') };
  } catch {
    return null;
  }
}
