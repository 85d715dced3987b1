/** A walk over all connections in steps, while connections come, change, leave the core and go between any two of them. */
import { describe, expect, test } from 'vitest';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { fc } from '../../support/random-cases.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

const [web, api] = ['10.0.0.1', '10.0.0.2'];

/** Pairs of sockets of two hosts, each by its client's port. */
class Pairs {
  readonly fleet = new ReportedFleet();
  readonly #web = this.fleet.host('web', { addresses: [web] });
  readonly #api = this.fleet.host('api', { addresses: [api] });
  readonly #open = new Map<number, readonly ReportedSocket[]>();

  constructor() {
    this.fleet.listen(this.#api, `${api}:80`);
  }

  open(port: number): void {
    if (this.#open.has(port)) return;
    const client = this.fleet.open(this.#web, `${web}:${port}`, `${api}:80`);
    const server = this.fleet.open(this.#api, `${api}:80`, `${web}:${port}`);
    this.#open.set(port, [client, server]);
  }

  close(port: number): void {
    for (const socket of this.#open.get(port) ?? []) this.fleet.close(socket);
    this.#open.delete(port);
  }

  /** It becomes an object. */
  leave(port: number): void {
    const client = this.#open.get(port)?.[0];
    if (client !== undefined) this.fleet.translate(client, 'client', [`${web}:${port}>${api}:80`]);
  }

  get ids(): Set<string> {
    return new Set(this.fleet.connections().map(({ id }) => id));
  }
}

const port = fc.integer({ min: 1_000, max: 1_015 });
const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('open' as const), port }) },
  fc.record({ kind: fc.constant('close' as const), port }),
  fc.record({ kind: fc.constant('leave' as const), port }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1_000, 20 * 60_000) }),
);
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

function apply(pairs: Pairs, next: Change): void {
  if (next.kind === 'pass') pairs.fleet.pass(next.ms);
  else pairs[next.kind](next.port);
}

describe('a walk that others have their turns in', () => {
  test('meets what is there all the while once, and nothing twice or that began meanwhile', () => {
    let [steps, left] = [0, 0];
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 15, maxLength: 40 }),
        fc.array(fc.array(change, { maxLength: 3 }), { minLength: 5, maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        (before, between, most) => {
          const pairs = new Pairs();
          for (const each of before) apply(pairs, each);
          const atFirst = pairs.ids;
          const met: string[] = [];
          const { connections, plain } = pairs.fleet.view.correlator;
          const turns = between.values();
          for (const block of connections.walk(() => true, { rows: most, objects: most })) {
            met.push(...block.rows.map((row) => plain.rows.formatId(plain.rows.numberOf(row))));
            met.push(...block.connections.map(({ id }) => id));
            for (const each of turns.next().value ?? []) apply(pairs, each);
            steps++;
            left += block.connections.length;
          }
          const atLast = pairs.ids;
          expect(new Set(met).size).toBe(met.length);
          expect(met.filter((id) => !atFirst.has(id))).toEqual([]);
          const allTheWhile = [...atFirst].filter((id) => atLast.has(id));
          expect(allTheWhile.filter((id) => !met.includes(id))).toEqual([]);
        },
      ),
      { numRuns: Number(process.env['RUNS'] ?? 300) },
    );
    expect(steps).toBeGreaterThan(1_000);
    expect(left).toBeGreaterThan(100);
  });

  test('meets the same where another thread proposes rows, old ones and torn ones among them, until it fails', async () => {
    let [met, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 15, maxLength: 40 }),
        fc.array(fc.array(change, { maxLength: 3 }), { minLength: 5, maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 6 }),
        async (before, between, most, blocks) => {
          const pairs = new Pairs();
          for (const each of before) apply(pairs, each);
          const [atFirst, found] = [pairs.ids, [] as string[]];
          const { connections, plain } = pairs.fleet.view.correlator;
          const turns = between.values();
          let [from, left] = [plain.rows.top, blocks];
          // It takes every row for one that is wanted.
          const next = async () => {
            if (left-- === 0) return null;
            const to = Math.max(0, from - 3);
            const rows = Int32Array.from({ length: from - to }, (_, i) => from - 1 - i);
            from = to;
            return { to, rows };
          };
          const refuse = (count: number): void => {
            refused += count;
          };
          const ahead = { next, refuse, close: () => {} };
          for (const block of connections.walkAhead(() => true, ahead, { rows: most, objects: most })) {
            if (block instanceof Promise) await block;
            else {
              found.push(...block.rows.map((row) => plain.rows.formatId(plain.rows.numberOf(row))));
              found.push(...block.connections.map(({ id }) => id));
            }
            for (const each of turns.next().value ?? []) apply(pairs, each);
          }
          const atLast = pairs.ids;
          expect(new Set(found).size).toBe(found.length);
          expect(found.filter((id) => !atFirst.has(id))).toEqual([]);
          const allTheWhile = [...atFirst].filter((id) => atLast.has(id));
          expect(allTheWhile.filter((id) => !found.includes(id))).toEqual([]);
          expect(connections.walks).toBe(0);
          met += found.length;
        },
      ),
      { numRuns: Number(process.env['RUNS'] ?? 100) },
    );
    expect([met > 300, refused > 100]).toEqual([true, true]);
  });

  test('is forgotten when nobody goes on with it', () => {
    const pairs = new Pairs();
    pairs.open(1_000);
    const { connections } = pairs.fleet.view.correlator;
    for (const block of connections.walk(() => true)) {
      expect(block.rows).toHaveLength(1);
      break;
    }
    pairs.leave(1_000);
    expect(connections.walks).toBe(0);
  });
});
