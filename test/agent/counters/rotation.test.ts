/** Who is looked at next. */
import { describe, expect, it } from 'vitest';
import { type Counted, placesPerWalk, Rotation } from '../../../agent/counters/rotation.ts';
import { changed, closed, opened } from '../export/sockets.ts';

function rotationOf(...ids: number[]): Rotation {
  const rotation = new Rotation(0);
  for (const id of ids) rotation.apply(opened(id));
  return rotation;
}

const take = (rotation: Rotation, max: number): number[] => rotation.take(max, 0).map(({ id }) => id);

/** Second by second: a scan each, at which `max` may be looked at, and of which some find something new. */
class Simulation {
  readonly rotation = new Rotation(restMaxMs);
  readonly #max: number;
  #seconds = 0;
  /** How many were looked at in each second. */
  readonly looks: number[] = [];
  /** When each was looked at last, and the longest it went without once it had been. */
  readonly lookedAt = new Map<number, number>();
  longestSeconds = 0;

  constructor(max: number) {
    this.#max = max;
  }

  run(seconds: number, isBusy: (counted: Counted) => boolean, between: () => void = () => {}): void {
    for (const until = this.#seconds + seconds; this.#seconds < until; this.#seconds++) {
      between();
      const taken = this.rotation.take(this.#max, this.#seconds * 1000);
      for (const counted of taken) {
        this.#note(counted.id);
        if (isBusy(counted)) this.rotation.count(counted.id, counters);
      }
      this.looks.push(taken.length);
    }
  }

  #note(id: number): void {
    const before = this.lookedAt.get(id) ?? this.#seconds;
    this.longestSeconds = Math.max(this.longestSeconds, this.#seconds - before);
    this.lookedAt.set(id, this.#seconds);
  }
}

const restMaxMs = 600_000;
const counters = { bytesSent: 1, bytesReceived: 2, rttUs: 3, retransmits: 4 };
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const nobody = (): boolean => false;
const everybody = (): boolean => true;

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
    const { netns } = rotation.take(1, 0)[0]!.socket;
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
    const rotation = new Rotation(0);
    rotation.apply(opened(1, { state: 'listen' }));
    rotation.apply(opened(2, { protocol: 'udp' }));
    rotation.apply(opened(3, { state: 'time-wait', inode: 0 }));
    rotation.apply(opened(4));
    rotation.apply(changed(4, { state: 'time-wait', inode: 0 }));
    expect(rotation.size).toBe(0);
  });

  it('looks at 20,000 that rest once in ten minutes, and evenly so', () => {
    const simulation = new Simulation(256);
    for (let id = 0; id < 20_000; id++) simulation.rotation.apply(opened(id));
    simulation.run(3_600, nobody);
    expect(simulation.looks.slice(0, 78)).toEqual(Array.from({ length: 78 }, () => 256));
    expect(simulation.lookedAt.size).toBe(20_000);
    // An hour of turns would be 921,600 looks. The second half hour has four for each, as rests are 450 to 600 s.
    expect(sum(simulation.looks)).toBeLessThan(200_000);
    const secondHalf = simulation.looks.slice(1_800);
    expect(sum(secondHalf)).toBeGreaterThan(3 * 20_000);
    expect(sum(secondHalf)).toBeLessThan(4.2 * 20_000);
    expect(simulation.longestSeconds).toBeLessThanOrEqual(602);
  });

  it('looks at those that are busy as often as if there were no others', () => {
    const simulation = new Simulation(256);
    for (let id = 0; id < 20_000; id++) simulation.rotation.apply(opened(id));
    const isBusy = ({ id }: Counted): boolean => id % 100 === 0;
    simulation.run(1_800, isBusy);
    let longest = 0;
    const lookedAt = new Map<number, number>();
    for (let second = 1_800; second < 2_400; second++) {
      simulation.run(1, (counted) => {
        if (!isBusy(counted)) return false;
        longest = Math.max(longest, second - (lookedAt.get(counted.id) ?? second));
        lookedAt.set(counted.id, second);
        return true;
      });
    }
    expect(lookedAt.size).toBe(200);
    // Few of the others are due, mostly; when they are, all those that are due have their turn before one has it again.
    expect(longest).toBeLessThanOrEqual(10);
  });

  it('lets each rest twice as long as it has been still at most, and not at all once it is awake', () => {
    const rotation = new Rotation(restMaxMs);
    rotation.apply(opened(1));
    const due: number[] = [];
    for (let second = 0; second < 2_000; second++) {
      const [counted] = rotation.take(1, second * 1000);
      if (counted !== undefined) due.push(second);
      if (counted !== undefined && second > 1_500) rotation.count(counted.id, counters);
    }
    const asleep = due.filter((second) => second <= 1_500);
    const rests = asleep.slice(1).map((second, i) => second - asleep[i]!);
    // That of place 0 are three quarters.
    expect(rests).toEqual([1, 2, 3, 5, 8, 12, 18, 27, 41, 62, 93, 140, 210, 315, 450]);
    expect(due.slice(-3)).toEqual([1_997, 1_998, 1_999]);
  });

  it('tells what was found of one last, and nothing of who is at its place after it', () => {
    const rotation = rotationOf(1, 2);
    rotation.count(1, counters);
    // Of one that is gone.
    rotation.count(3, counters);
    expect(rotation.take(2, 0).map((counted) => [counted.id, counted.counters])).toEqual([
      [1, counters],
      [2, null],
    ]);
    rotation.apply(closed(1));
    rotation.apply(opened(3));
    expect(rotation.take(2, 1000).map((counted) => [counted.id, counted.counters])).toContainEqual([3, null]);
  });

  it('looks at once at one whose state becomes different', () => {
    const rotation = rotationThatRests();
    expect(rotation.take(9, 400_000)).toEqual([]);
    rotation.apply(changed(1, { state: 'close-wait' }));
    expect(rotation.take(9, 400_000).map(({ id }) => id)).toEqual([1]);
  });

  it('has looks for all that are due however many are new', () => {
    const simulation = new Simulation(100);
    for (let id = 0; id < 1_000; id++) simulation.rotation.apply(opened(id));
    simulation.run(10, everybody);
    let next = 1_000;
    const churn = (): void => {
      for (let n = 0; n < 100; n++, next++) {
        simulation.rotation.apply(opened(next));
        if (next >= 1_500) simulation.rotation.apply(closed(next - 500));
      }
    };
    simulation.run(200, everybody, churn);
    for (let id = 0; id < 1_000; id++) expect(simulation.lookedAt.get(id)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...simulation.looks)).toBe(100);
  });

  it('gives each its turn where more are due than may be looked at', () => {
    const simulation = new Simulation(10);
    for (let id = 0; id < 1_000; id++) simulation.rotation.apply(opened(id));
    simulation.run(400, everybody);
    simulation.longestSeconds = 0;
    simulation.run(600, everybody);
    expect(simulation.longestSeconds).toBe(100);
    expect(simulation.looks).toEqual(Array.from({ length: 1_000 }, () => 10));
  });

  it('gives all of more than one walk goes by their turn', () => {
    const simulation = new Simulation(1_000_000);
    const sockets = 2 * placesPerWalk + 10;
    for (let id = 0; id < sockets; id++) simulation.rotation.apply(opened(id));
    simulation.run(4, everybody);
    expect(simulation.looks).toEqual([sockets, placesPerWalk, placesPerWalk, placesPerWalk]);
    expect(simulation.longestSeconds).toBe(3);
  });

  it('knows nothing of whoever had the place before', () => {
    const rotation = rotationThatRests();
    rotation.apply(closed(1));
    rotation.apply(opened(2));
    expect(rotation.take(9, 400_000).map(({ id }) => id)).toEqual([2]);
    expect(rotation.take(9, 401_000).map(({ id }) => id)).toEqual([2]);
  });
});

/** With a socket that was looked at a minute ago by a clock that shows 400 s, and was still for 300 s before. */
function rotationThatRests(): Rotation {
  const rotation = new Rotation(restMaxMs);
  rotation.apply(opened(1));
  for (const nowMs of [0, 40_000, 340_000]) expect(rotation.take(1, nowMs)).toHaveLength(1);
  return rotation;
}
