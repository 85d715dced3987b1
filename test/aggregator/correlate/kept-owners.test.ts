/** Numbers for who has the sockets that are kept: given once, and given back with the last socket. */
import { describe, expect, test } from 'vitest';
import { KeptOwners, noOwner } from '../../../aggregator/correlate/kept-owners.ts';
import { processOf } from '../../agent/export/sockets.ts';

describe('owners of kept sockets', () => {
  test('sockets of one process, user and epoch have one number', () => {
    const owners = new KeptOwners();
    const process = processOf(100);
    const number = owners.retain(process, 1000, 0);
    expect(owners.retain(process, 1000, 0)).toBe(number);
    expect(owners.of(number)).toMatchObject({ owners: process, uid: 1000, epoch: 0 });
    expect(owners.size).toBe(1);
  });

  test('another user, epoch or process has another, and each its own', () => {
    const owners = new KeptOwners();
    const process = processOf(100);
    const numbers = [
      owners.retain(process, 1000, 0),
      owners.retain(process, 0, 0),
      owners.retain(process, 1000, 1),
      owners.retain(processOf(100), 1000, 1),
    ];
    expect(new Set(numbers).size).toBe(4);
    expect(numbers.map((number) => owners.of(number).uid)).toEqual([1000, 0, 1000, 1000]);
    expect(numbers.map((number) => owners.of(number).epoch)).toEqual([0, 0, 1, 1]);
  });

  test('with its last socket a number is free, and another owner gets it', () => {
    const owners = new KeptOwners();
    const process = processOf(100);
    const [one, same] = [owners.retain(process, 1, 0), owners.retain(process, 1, 0)];
    owners.release(one);
    expect(owners.of(same).uid).toBe(1);
    owners.release(same);
    expect(owners.size).toBe(0);
    expect(owners.retain([{ process, fds: [3, 4] }], 2, 0)).toBe(one);
    expect(owners.of(one)).toMatchObject({ owners: [{ fds: [3, 4] }], uid: 2 });
  });

  test('a number given up is not taken for one that its owner was given since', () => {
    const owners = new KeptOwners();
    const process = processOf(100);
    const before = owners.retain(process, 1, 0);
    const since = owners.retain(process, 1, 1);
    owners.release(before);
    expect(owners.retain(process, 1, 1)).toBe(since);
    expect(owners.size).toBe(1);
  });

  test('who has no owner gives none back', () => {
    const owners = new KeptOwners();
    owners.release(noOwner);
    expect(owners.size).toBe(0);
    expect(owners.retain(processOf(100), 0, 0)).not.toBe(noOwner);
  });
});
