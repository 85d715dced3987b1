/** Long work between turns of the event loop. */
import { expect, test, vi } from 'vitest';
import { inSlices, stepsPerLook, TimeSlice } from '../../../agent/procfs/time-slice.ts';

function* count(to: number): Generator<void, string> {
  for (let i = 0; i < to; i++) yield;
  return `counted to ${to}`;
}

test('steps go on to the end, with a turn of the event loop between slices', async () => {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  expect(await inSlices(count(2000), new TimeSlice(0))).toBe('counted to 2000');
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(2000 / stepsPerLook - 1);
});

test('the clock is looked at after some steps, not after each', async () => {
  const slice = new TimeSlice(60_000);
  const isUsedUp = vi.spyOn(slice, 'isUsedUp');
  await inSlices(count(10 * stepsPerLook), slice);
  expect(isUsedUp).toHaveBeenCalledTimes(10);
});

test('steps that take no time are done within one turn', async () => {
  let turned = false;
  const immediate = setImmediate(() => {
    turned = true;
  });
  await inSlices(count(10), new TimeSlice(60_000));
  expect(turned).toBe(false);
  clearImmediate(immediate);
});
