/** Bounded delivery without a network: order of counting, bounds, repeats under the same id, and the end. */
import { expect, test } from 'vitest';
import {
  Delivery,
  inFlightMax,
  type Outcome,
  type Parcel,
  queuedEventsMax,
} from '../../aggregator/cluster/delivery.ts';
import { until } from '../support/until.ts';

function parcel(number: number): Parcel {
  return { id: `id-${number}`, subject: 's', payload: new Uint8Array() };
}

/** A far side that holds every delivery until the test decides it. */
function manualFarSide() {
  const underWay: { readonly parcel: Parcel; readonly decide: (outcome: Outcome) => void }[] = [];
  return {
    underWay,
    ready: () => Promise.resolve(),
    deliver: (each: Parcel) =>
      new Promise<Outcome>((decide) => {
        underWay.push({ parcel: each, decide });
      }),
  };
}

test('no more than inFlightMax are under way, and each end starts the next', async () => {
  const farSide = manualFarSide();
  const delivery = new Delivery(farSide);
  for (let i = 0; i < inFlightMax + 10; i++) delivery.offer(parcel(i));
  await until('the slots are full', () => farSide.underWay.length === inFlightMax);
  farSide.underWay[0]!.decide('taken');
  farSide.underWay[1]!.decide('refused');
  await until('two more start', () => farSide.underWay.length === inFlightMax + 2);
  expect(farSide.underWay.at(-1)!.parcel.id).toBe(`id-${inFlightMax + 1}`);
  expect(delivery.counts()).toEqual({ published: 1, lost: 1, queued: inFlightMax + 8, repeated: 0 });
});

test('a repeat carries the same parcel', async () => {
  const farSide = manualFarSide();
  const delivery = new Delivery(farSide);
  delivery.offer(parcel(7));
  await until('it is sent', () => farSide.underWay.length === 1);
  farSide.underWay[0]!.decide('again');
  await until('it is sent again', () => farSide.underWay.length === 2);
  expect(farSide.underWay[1]!.parcel).toBe(farSide.underWay[0]!.parcel);
  farSide.underWay[1]!.decide('taken');
  await delivery.idle();
  expect(delivery.counts()).toEqual({ published: 1, lost: 0, queued: 0, repeated: 1 });
});

test('what the queue cannot hold is lost and counted, and the rest is not', async () => {
  const delivery = new Delivery({ ...manualFarSide(), ready: () => new Promise<void>(() => {}) });
  const offered = queuedEventsMax + inFlightMax + 5;
  const taken = Array.from({ length: offered }, (_, i) => delivery.offer(parcel(i)));
  expect(taken.filter((each) => !each)).toHaveLength(5);
  expect(delivery.counts()).toEqual({
    published: 0,
    lost: 5,
    queued: queuedEventsMax + inFlightMax,
    repeated: 0,
  });
  delivery.end();
  delivery.end();
  expect(delivery.offer(parcel(0))).toBe(false);
  expect(delivery.counts()).toEqual({ published: 0, lost: offered + 1, queued: 0, repeated: 0 });
});

test('thousands go through a fast far side, in order of their start', async () => {
  const seen: string[] = [];
  const delivery = new Delivery({
    ready: () => Promise.resolve(),
    deliver: async (each) => {
      seen.push(each.id);
      return 'taken';
    },
  });
  const ids = Array.from({ length: 5_000 }, (_, i) => `id-${i}`);
  for (const i of ids.keys()) delivery.offer(parcel(i));
  await delivery.idle();
  expect(seen).toEqual(ids);
  expect(delivery.counts()).toEqual({ published: 5_000, lost: 0, queued: 0, repeated: 0 });
});
