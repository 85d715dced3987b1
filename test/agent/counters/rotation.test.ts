/** Who is looked at next. */
import { describe, expect, it } from 'vitest';
import { Rotation } from '../../../agent/counters/rotation.ts';
import { changed, closed, opened } from '../export/sockets.ts';

function rotationOf(...ids: number[]): Rotation {
  const rotation = new Rotation();
  for (const id of ids) rotation.apply(opened(id));
  return rotation;
}

const take = (rotation: Rotation, max: number): number[] => rotation.take(max).map(({ id }) => id);

describe('a rotation', () => {
  it('gives each its turn, and then begins again', () => {
    const rotation = rotationOf(1, 2, 3);
    expect(take(rotation, 2)).toEqual([1, 2]);
    expect(take(rotation, 2)).toEqual([3, 1]);
    expect(take(rotation, 5)).toEqual([2, 3, 1]);
  });

  it('prefers those that were never looked at', () => {
    const rotation = rotationOf(1, 2);
    take(rotation, 2);
    rotation.apply(opened(3));
    expect(take(rotation, 2)).toEqual([3, 1]);
  });

  it('forgets what is closed, and knows which namespaces are left', () => {
    const rotation = rotationOf(1, 2);
    const { netns } = rotation.take(1)[0]!.socket;
    rotation.apply(closed(1));
    expect([rotation.size, rotation.hasNetns(netns)]).toEqual([1, true]);
    rotation.apply(closed(2));
    expect([rotation.size, rotation.hasNetns(netns)]).toEqual([0, false]);
    expect(take(rotation, 9)).toEqual([]);
  });

  it('gives whoever came among many that are gone its turn', () => {
    const rotation = rotationOf(1);
    for (let id = 2; id < 5_000; id++) {
      rotation.apply(opened(id));
      if (id !== 2_000) rotation.apply(closed(id));
    }
    expect(rotation.size).toBe(2);
    expect(take(rotation, 1)).toEqual([1]);
    expect(take(rotation, 1)).toEqual([2_000]);
    expect(take(rotation, 9)).toEqual([1, 2_000]);
  });

  it('passes over listeners, UDP, and sockets without an inode', () => {
    const rotation = new Rotation();
    rotation.apply(opened(1, { state: 'listen' }));
    rotation.apply(opened(2, { protocol: 'udp' }));
    rotation.apply(opened(3, { state: 'time-wait', inode: 0 }));
    rotation.apply(opened(4));
    rotation.apply(changed(4, { state: 'time-wait', inode: 0 }));
    expect(rotation.size).toBe(0);
  });
});
