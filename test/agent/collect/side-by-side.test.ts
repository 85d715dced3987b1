/** All rungs and ss side by side, for some seconds; `npm run soak differential` does it for as long as it is told. */
import { describe, expect, it } from 'vitest';
import { runSideBySide } from '../../support/differential/side-by-side.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { workingRungs } from './machine.ts';

const snapshots = 200;
/** On a busy machine it ends sooner. */
const enoughMs = 30_000;
const snapshotsMin = 20;
const seeds = [1, 2];
/** How seldom a rung may be late with an owner, of all sockets compared. */
const lateShareMax = 0.002;

describe.runIf(canMakeNamespaces)('side by side', () => {
  it(`up to ${snapshots} snapshots of every rung: nothing missing or too much, no other owner`, {
    timeout: 60_000 + snapshots * 1_000,
  }, async () => {
    const startedMs = performance.now();
    const report = await runSideBySide({
      rungs: workingRungs,
      seeds,
      snapshots,
      ssEvery: 4,
      isEnough: (so) => so.snapshots >= snapshotsMin && performance.now() - startedMs > enoughMs,
    });
    expect(report.unexplained).toEqual([]);
    const late = [...report.explained.values()].reduce((sum, kinds) => sum + (kinds.get('late') ?? 0), 0);
    expect(late / report.compared).toBeLessThan(lateShareMax);
    // Each namespace has both ends of its steady connections, its listeners and more.
    expect(report.compared / report.snapshots).toBeGreaterThan(2 * workingRungs.length * seeds.length * 40);
  });
});
