/** The best source of events that works is taken, and what goes without it is said. */
import { describe, expect, test } from 'vitest';
import type { EventSource, EventSourceName } from '../../../agent/events/event-source.ts';
import {
  type EventRung,
  EventSourceError,
  examineEvents,
  openEvents,
} from '../../../agent/events/open-events.ts';

function rung(name: EventSourceName, problem: string | null = null): EventRung & { opened: number } {
  const source: EventSource = {
    name,
    cannotSee: [`${name} sees little`],
    drain: () => 0,
    lostTotal: 0,
    lostByKind: {},
    takeLosses: () => ({ connections: 0, overruns: 0, reason: '' }),
    follow: async () => {},
    close: () => {
      made.opened--;
    },
  };
  const made = {
    name,
    opened: 0,
    lost: `${name} is lost`,
    fix: `allow ${name}`,
    open: async () => {
      if (problem !== null) throw new Error(`${problem}\nand more`);
      made.opened++;
      return source;
    },
  };
  return made;
}

describe('opening events', () => {
  test('takes the first that works', async () => {
    const rungs = [rung('ebpf'), rung('destroy')];
    const { source, cannotSee } = await openEvents('auto', '/proc', rungs);
    expect(source!.name).toBe('ebpf');
    expect(cannotSee).toEqual(['ebpf sees little']);
    expect(rungs[1]!.opened).toBe(0);
  });

  test('goes on to the next', async () => {
    const { source } = await openEvents('auto', '/proc', [rung('ebpf', 'EPERM'), rung('destroy')]);
    expect(source!.name).toBe('destroy');
  });

  test('without any it says why and what to do', async () => {
    const { source, cannotSee } = await openEvents('auto', '/proc', [
      rung('ebpf', 'EPERM'),
      rung('destroy', 'no koffi'),
    ]);
    expect(source).toBeNull();
    expect(cannotSee).toEqual([
      'Connections that open and close between two scans are not seen (ebpf: EPERM; destroy: no koffi); to see them: allow ebpf.',
    ]);
  });

  test('the one that was chosen, or an error', async () => {
    const rungs = [rung('ebpf', 'EPERM'), rung('destroy')];
    expect((await openEvents('destroy', '/proc', rungs)).source!.name).toBe('destroy');
    await expect(openEvents('ebpf', '/proc', rungs)).rejects.toThrow(
      new EventSourceError('ebpf does not work here: EPERM; to get it: allow ebpf.'),
    );
  });

  test('none is opened when they are off, nor for a copy of /proc', async () => {
    const rungs = [rung('ebpf')];
    expect(await openEvents('off', '/proc', rungs)).toEqual({
      source: null,
      cannotSee: [
        'Connections that open and close between two scans are not seen (events are switched off); to see them: --events auto.',
      ],
    });
    expect((await openEvents('auto', '/tmp', rungs)).cannotSee).toEqual([
      'Connections that open and close between two scans are not seen (/tmp is a copy of /proc); to see them: leave out --procfs.',
    ]);
    expect(rungs[0]!.opened).toBe(0);
  });

  test('examining them closes each again', async () => {
    const rungs = [rung('ebpf', 'EPERM'), rung('destroy')];
    expect(await examineEvents('/proc', rungs)).toEqual([
      { name: 'ebpf', problem: 'EPERM', lost: 'ebpf is lost', fix: 'allow ebpf' },
      { name: 'destroy', problem: null, lost: 'destroy is lost', fix: 'allow destroy' },
    ]);
    expect(rungs[1]!.opened).toBe(0);
  });
});
