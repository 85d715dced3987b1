/** Events keep their order, whether or not they are looked at ahead of their turn. */
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../agent/event-queue.ts';
import type { ConnectionEvent } from '../../agent/events/connection-event.ts';
import { fc } from '../support/random-cases.ts';
import { began, ended, Heard } from './events/heard.ts';

function taken(queue: EventQueue, eventsMax: number): ConnectionEvent[] {
  const events: ConnectionEvent[] = [];
  expect(queue.take(eventsMax, (event) => events.push(event))).toBe(events.length);
  return events;
}

describe('a queue of events', () => {
  it('shows what is ahead of a connection until it is taken', async () => {
    const source = new Heard();
    const queue = new EventQueue(source);
    const [end, next] = [ended(1), began(1)];
    source.waiting.push(end, ended(2), next);
    expect(queue.aheadOf(end)).toEqual([]);
    await queue.lookAhead();
    expect(queue.aheadOf(end)).toEqual([end, next]);
    expect(queue.table).toMatchObject({ size: 3, refusedTotal: 0 });
    expect(taken(queue, 1)).toEqual([end]);
    expect(queue.aheadOf(end)).toEqual([next]);
    expect(taken(queue, 9)).toEqual([ended(2), next]);
    expect(queue.aheadOf(end)).toEqual([]);
    expect(queue.table.size).toBe(0);
  });

  it('leaves in the source what finds no room, and says that it has not looked at all', async () => {
    const source = new Heard();
    const queue = new EventQueue(source, 2);
    source.waiting.push(ended(1), ended(2), ended(3));
    await queue.lookAhead();
    expect([queue.isComplete, queue.table.size, queue.table.refusedTotal]).toEqual([false, 2, 1]);
    expect(taken(queue, 1)).toEqual([ended(1)]);
    await queue.lookAhead();
    expect([queue.isComplete, queue.table.size, source.waiting]).toEqual([false, 2, []]);
    expect(taken(queue, 9)).toEqual([ended(2), ended(3)]);
    await queue.lookAhead();
    expect(queue.isComplete).toBe(true);
  });

  it('hands out every event once and in its order', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('come' as const), count: fc.nat(500) }),
      fc.record({ kind: fc.constant('take' as const), count: fc.nat(500) }),
      fc.record({ kind: fc.constant('look' as const), count: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const source = new Heard();
        const queue = new EventQueue(source, 300);
        const came: ConnectionEvent[] = [];
        const got: ConnectionEvent[] = [];
        for (const { kind, count } of [...steps, { kind: 'take', count: 20_000 }]) {
          if (kind === 'look') await queue.lookAhead();
          else if (kind === 'take') got.push(...taken(queue, count));
          else {
            const more = Array.from({ length: count }, (_, i) =>
              ended((i * 7) % 50, { atMs: came.length + i }),
            );
            came.push(...more);
            source.waiting.push(...more);
          }
          for (const event of came.slice(got.length, got.length + 50)) {
            const ahead = came.slice(got.length, got.length + queue.table.size);
            const isSame = ({ local }: ConnectionEvent): boolean => local.port === event.local.port;
            expect(queue.aheadOf(event)).toEqual(ahead.filter(isSame));
          }
        }
        expect(got).toEqual(came);
      }),
    );
  });
});
