/** One input, run: how it ended, and a short word for that by which inputs are told apart. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { shapeOf } from './shape.ts';
import { BrokenPromise, type Target } from './target.ts';

/** Longest time that an input of inputBytesMax may take, as CPU time of the process. */
export const hangMs = 1000;

/** Most memory by which the process may grow while it reads one. */
export const memoryMax = 128 << 20;

export type Outcome =
  | { readonly kind: 'value' | 'refused'; readonly key: string }
  | { readonly kind: 'crash'; readonly key: string; readonly error: unknown }
  | { readonly kind: 'hang' | 'memory'; readonly key: string };

/** What an input did. `key` is the same for inputs that did the same. */
export function outcomeOf(target: Target, work: () => unknown): Outcome | Promise<Outcome> {
  const before = heapBytes();
  try {
    const value = work();
    if (value instanceof Promise) {
      return value.then(
        (settled) => valueOutcome(settled, before),
        (error: unknown) => errorOutcome(target, error),
      );
    }
    return valueOutcome(value, before);
  } catch (error) {
    return errorOutcome(target, error);
  }
}

function valueOutcome(value: unknown, before: number): Outcome {
  // What is collected meanwhile hides some of it, but never more than there was before.
  if (heapBytes() - before > memoryMax) return { kind: 'memory', key: 'memory' };
  return { kind: 'value', key: shapeOf(value) };
}

function errorOutcome({ refusals = [] }: Target, error: unknown): Outcome {
  const key = errorKey(error);
  return refusals.some((refusal) => error instanceof refusal)
    ? { kind: 'refused', key }
    : { kind: 'crash', key, error };
}

function heapBytes(): number {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
}

/** So that what is left of earlier inputs does not hide what the next one takes. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  // The second time waits until the memory that the first one found is given back.
  collect();
}

/** Name and words of an error, without what comes from the input. */
function errorKey(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${typeof error}`;
  if (error instanceof BrokenPromise) return error.promise;
  const words = error.message.replaceAll(/"(?:[^"\\]|\\.)*"?/g, '""').replaceAll(/-?\d[\d.e+]*/g, '#');
  return `${error.name}: ${words.slice(0, keyLengthMax)}`;
}

const keyLengthMax = 80;
