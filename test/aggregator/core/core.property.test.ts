/** The core and the plain one agree on every history; `npm run soak core-histories` tells them more. */
import { expect, test } from 'vitest';
import { fc } from '../../support/random-cases.ts';
import { agents, History, steps, tellBoth } from './core-history.ts';

const histories = 500;

test('every history leaves the same connections, edges and stubs', { timeout: 60_000 }, () => {
  fc.assert(fc.property(steps, tellBoth), { numRuns: histories });
});

test('after all agents are gone nothing is left but the edges', () => {
  fc.assert(
    fc.property(steps, (told) => {
      const history = new History();
      for (const each of told) history.tell(each);
      for (let each = 0; each < agents; each++) history.tell({ kind: 'withdraw', agent: each });
      history.tell({ kind: 'wait', ticks: 1100 });
      history.tell({ kind: 'wait', ticks: 1100 });
      const { core, addresses: interned } = history.pair;
      expect(core.live).toBe(0);
      expect(core.rows.index.size).toBe(0);
      // Those that the history itself holds.
      expect(interned.size).toBe(2);
    }),
    { numRuns: 100 },
  );
});
