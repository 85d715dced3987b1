/** Runs one target in a worker, and stops it where it hangs or takes all memory; says then with which input. */
import { Worker } from 'node:worker_threads';
import { inputAt, type WorkerOrder, type WorkerReport } from './fuzz-worker.ts';
import { inputBytesMax } from './target.ts';

/** Of the worker's heap; what it needs itself is a small part of that. */
const heapMaxMb = 768;

/** After so long without a new input the worker is stopped. It minds hangs itself where it can. */
const stuckMs = 60_000;

const lookEveryMs = 1000;

/** @param forMs 0 = the corpus alone */
export function fuzzWatched(target: string, seed: number, forMs: number): Promise<WorkerReport> {
  const shared = new SharedArrayBuffer(inputAt + inputBytesMax);
  const head = new Int32Array(shared, 0, 2);
  const lastInput = (): Uint8Array => Uint8Array.from(new Uint8Array(shared, inputAt, Atomics.load(head, 1)));
  const broken = (what: string): WorkerReport => {
    return { inputs: Atomics.load(head, 0), outcomes: 0, findings: [{ what, input: lastInput() }] };
  };
  const worker = new Worker(new URL('fuzz-worker.js', import.meta.url), {
    workerData: { target, seed, forMs, shared } satisfies WorkerOrder,
    resourceLimits: { maxOldGenerationSizeMb: heapMaxMb },
  });
  return new Promise((resolve) => {
    let [seen, sinceMs] = [-1, performance.now()];
    const look = setInterval(() => {
      const inputs = Atomics.load(head, 0);
      if (inputs !== seen) [seen, sinceMs] = [inputs, performance.now()];
      else if (performance.now() - sinceMs > stuckMs) end(broken('it never ends'));
    }, lookEveryMs);
    const end = (report: WorkerReport): void => {
      clearInterval(look);
      resolve(report);
      void worker.terminate();
    };
    worker.once('message', end);
    worker.once('error', (error) => end(broken(error.stack ?? String(error))));
  });
}
