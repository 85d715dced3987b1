/** Who could be meant at one endpoint: one, several, or nobody, as those that are there tell together. */
import { describe, expect, test } from 'vitest';
import {
  compare,
  loseOne,
  meantBy,
  newPlace,
  newStandee,
  type Place,
  pairsPerPlaceMax,
  type Standee,
} from '../../../aggregator/correlate/gateway-places.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

const fleet = new ReportedFleet();
const host = fleet.host('h');

/** A half that stands at one place and looks at another one, or at nobody. */
function standee(at: Place, looksAt: Place | null, bornMs = 1_000_000): Standee {
  const shape = { openedAtMs: bornMs, notBeforeMs: bornMs - 100 };
  const one = newStandee(fleet.build(host, '10.0.0.1:40000', '10.0.0.9:80', shape), at, looksAt);
  at.near.add(one);
  looksAt?.far.add(one);
  return one;
}

/** A place with a near half that looks at nobody, and a far one. */
function pairAtOnePlace(): { place: Place; near: Standee; far: Standee } {
  const place = newPlace('S:80');
  return { place, near: standee(place, null), far: standee(newPlace('C:40000'), place) };
}

/** What is meant by each, in a word. */
function kinds(...all: readonly Standee[]): string[] {
  return all.map((one) => meantBy(one).kind);
}

describe('at one endpoint', () => {
  test('two of one birth mean each other, and nobody else', () => {
    const { place, near, far } = pairAtOnePlace();
    const stranger = standee(place, null, 1_100_000);
    expect(new Set(compare(place))).toEqual(new Set([near, far]));
    expect([meantBy(near), meantBy(far)]).toEqual([
      { kind: 'one', other: far },
      { kind: 'one', other: near },
    ]);
    expect(kinds(stranger)).toEqual(['none']);
  });

  test('one more of that birth puts all in doubt, until it is gone', () => {
    const { place, near, far } = pairAtOnePlace();
    const other = standee(newPlace('C:40001'), place);
    compare(place);
    expect(kinds(near, far, other)).toEqual(['several', 'several', 'several']);
    place.far.delete(other);
    expect(compare(place)).toContain(near);
    expect(kinds(near, far)).toEqual(['one', 'one']);
  });

  test('one that looks at a claimed address is joined to nobody, and may be the one all the same', () => {
    const { place, near, far } = pairAtOnePlace();
    const claimed = standee(place, newPlace('X:443'));
    compare(place);
    expect(kinds(near, far, claimed)).toEqual(['several', 'several', 'several']);
    place.near.delete(near);
    compare(place);
    expect(kinds(far, claimed)).toEqual(['none', 'none']);
  });

  test('whoever lost one of several knows no more than before', () => {
    const { place, near, far } = pairAtOnePlace();
    const other = standee(newPlace('C:40001'), place);
    compare(place);
    loseOne(other);
    place.far.delete(other);
    compare(place);
    expect(kinds(near, far)).toEqual(['several', 'several']);
  });

  test('doubts at one place are doubts at the other', () => {
    const { place, near, far } = pairAtOnePlace();
    const looker = standee(newPlace('Y:50000'), far.at);
    const rival = standee(far.at, null);
    compare(place);
    expect(kinds(near, far)).toEqual(['one', 'one']);
    expect(compare(far.at)).toContain(near);
    expect(kinds(near, far, looker, rival)).toEqual(['several', 'several', 'several', 'several']);
  });

  test('too many are not compared: all that look there are in doubt', () => {
    const place = newPlace('S:80');
    const far = standee(newPlace('C:40000'), place);
    const near = standee(place, null);
    for (let n = 1; n <= pairsPerPlaceMax; n++) place.near.add({ ...near });
    expect(compare(place)).toEqual(new Set([far]));
    expect(kinds(far, near)).toEqual(['several', 'none']);
    place.near.clear();
    place.near.add(near);
    compare(place);
    expect(kinds(far, near)).toEqual(['one', 'one']);
  });
});
