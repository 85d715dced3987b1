/** The place in the address bar: what is written is read back, and nonsense is the default. */
import { describe, expect, it } from 'vitest';
import {
  formatPlace,
  type Place,
  parsePlace,
  type Selection,
  sortKeys,
  views,
} from '../../../web/state/place.ts';
import { fc } from '../../support/random-cases.ts';

const selections: fc.Arbitrary<Selection | null> = fc.oneof(
  fc.constant(null),
  fc.record({ kind: fc.constant('service' as const), name: fc.string() }),
  fc.record({ kind: fc.constant('connection' as const), id: fc.string() }),
  fc.record({ kind: fc.constant('edge' as const), client: fc.string(), server: fc.string() }),
);
const places: fc.Arbitrary<Place> = fc.record({
  query: fc.string(),
  view: fc.constantFrom(...views),
  sort: fc.record({ key: fc.constantFrom(...sortKeys), descending: fc.boolean() }),
  selection: selections,
});

describe('the place', () => {
  it('survives the address bar, whatever names it holds', () => {
    fc.assert(
      fc.property(places, (place) => {
        expect(parsePlace(formatPlace(place))).toEqual(place);
      }),
    );
  });

  it('leaves defaults out', () => {
    expect(formatPlace(parsePlace(''))).toBe('');
    expect(formatPlace({ ...parsePlace(''), query: '10.1.100.9:8743' })).toBe('?q=10.1.100.9%3A8743');
  });

  it('takes an unknown view or order for the default', () => {
    expect(parsePlace('?view=hologram&sort=colour&client=a')).toEqual(parsePlace(''));
  });
});
