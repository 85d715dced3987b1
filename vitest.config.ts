/**
 * The tests, in groups that run one after the other: unit tests side by side, then what needs the machine for itself.
 *
 * fleet makes hosts from namespaces (root), web drives a browser, cluster runs a nats-server, setup runs the scripts.
 */
import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';
import { patienceMs } from './test/support/until.ts';

/** The longest time that a unit test or hook may take: more than `until` waits for a condition, so that it says which. */
const unitTimeoutMs = patienceMs + 20_000;

/** Folders of test/ whose files run one at a time, with the longest time that one test or hook may take. */
const serialGroups = [
  { name: 'cluster', timeoutMs: 60_000 },
  { name: 'setup', timeoutMs: 60_000 },
  { name: 'web', timeoutMs: 60_000 },
  { name: 'fleet', timeoutMs: 120_000 },
] as const;

const serialFiles = serialGroups.map(({ name }) => `test/${name}/**/*.test.ts`);

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLineReporter()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...serialFiles, '**/node_modules/**'],
          testTimeout: unitTimeoutMs,
          hookTimeout: unitTimeoutMs,
          sequence: { groupOrder: 0 },
        },
      },
      ...serialGroups.map(({ name, timeoutMs }, i) => ({
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          testTimeout: timeoutMs,
          hookTimeout: timeoutMs,
          maxWorkers: 1,
          sequence: { groupOrder: i + 1 },
        },
      })),
    ],
  },
});
