/**
 * Vitest reporter that ends a run with one plain line, `N passed, N failed, N skipped`, for machines to read.
 *
 * What fails without being a test counts as failed too: a file that cannot be loaded, a hook, an error that nobody
 * awaited. So the line says `0 failed` only when the run succeeds.
 */
import type { Reporter, TestModule } from 'vitest/node';

export interface RunCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The parts of vitest's TestModule that are counted. */
export interface CountedModule {
  readonly state: () => string;
  readonly children: { readonly allTests: () => Iterable<{ readonly result: () => { state: string } }> };
}

/** @param unhandledErrors errors outside any test */
export function countRun(modules: readonly CountedModule[], unhandledErrors: number): RunCounts {
  let passed = 0;
  let failed = unhandledErrors;
  let skipped = 0;
  for (const module of modules) {
    const before = failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed++;
      else if (state === 'failed') failed++;
      else skipped++;
    }
    if (module.state() === 'failed' && failed === before) failed++;
  }
  return { passed, failed, skipped };
}

export function formatClosingLine({ passed, failed, skipped }: RunCounts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Stands last among the reporters, so that its line is the last. */
export class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    process.stdout.write(`${formatClosingLine(countRun(modules, unhandledErrors.length))}\n`);
  }
}
