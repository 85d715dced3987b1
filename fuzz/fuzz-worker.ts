/** One target in a thread of its own, which may be stopped. Each input stands in shared memory before it is run. */
import { parentPort, workerData } from 'node:worker_threads';
import { corpusOf } from './corpus.ts';
import { type Finding, FuzzLoop } from './loop.ts';
import { minimise } from './minimise.ts';
import { targets } from './targets.ts';

export interface WorkerOrder {
  readonly target: string;
  readonly seed: number;
  /** 0 = the corpus alone. */
  readonly forMs: number;
  /** Int32 count of inputs, Int32 length, then the bytes of the input that is run. */
  readonly shared: SharedArrayBuffer;
}

/** Where the input begins in the shared memory. */
export const inputAt = 8;

export interface WorkerReport {
  readonly inputs: number;
  readonly outcomes: number;
  /** Inputs as short as they get. */
  readonly findings: readonly { readonly what: string; readonly input: Uint8Array }[];
}

/** How often an input that hangs is tried shorter: each time takes a second. */
const hangAttempts = 20;

async function fuzz({ target: name, seed, forMs, shared }: WorkerOrder): Promise<WorkerReport> {
  const target = targets.find((each) => each.name === name)!;
  const head = new Int32Array(shared, 0, 2);
  const bytes = new Uint8Array(shared, inputAt);
  const watch = (input: Buffer): void => {
    bytes.set(input);
    Atomics.store(head, 1, input.length);
    Atomics.add(head, 0, 1);
  };
  const loop = new FuzzLoop(target, corpusOf(target), seed, watch);
  await loop.runCorpus();
  const endMs = performance.now() + forMs;
  await loop.run(() => performance.now() >= endMs);
  const [inputs, { outcomes }] = [loop.inputs, loop];
  const findings = loop.findings.map((finding) => ({
    what: wordsOf(finding),
    input: shortest(loop, finding),
  }));
  await target.close?.();
  return { inputs, outcomes, findings };
}

function shortest(loop: FuzzLoop, { input, outcome }: Finding): Buffer {
  const { kind, key } = outcome;
  const does = (shorter: Buffer): boolean => {
    const now = loop.outcomeNow(shorter);
    return now?.kind === kind && now.key === key;
  };
  return does(input) ? minimise(input, does, kind === 'crash' ? undefined : hangAttempts) : input;
}

/** What happened, with the way there where something was thrown. */
function wordsOf({ outcome }: Finding): string {
  if (outcome.kind !== 'crash') return outcome.kind;
  const { error } = outcome;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

if (parentPort !== null) parentPort.postMessage(await fuzz(workerData as WorkerOrder));
