/** Numbers of names: one for as long as anybody uses it, another's afterwards. */
import { expect, test } from 'vitest';
import { Names } from '../../../aggregator/graph/names.ts';
import { fc } from '../../support/random-cases.ts';

test('a name has one number while it is in use', () => {
  const names = new Names();
  const web = names.retain('web');
  expect(names.retain('api')).not.toBe(web);
  expect(names.retain('web')).toBe(web);
  expect([names.textOf(web), names.size]).toEqual(['web', 2]);
});

test('a name that nobody uses gives its number to the next one', () => {
  const names = new Names();
  const web = names.retain('web');
  names.retainAgain(web);
  names.release(web);
  expect(names.size).toBe(1);
  names.release(web);
  expect(names.size).toBe(0);
  expect(names.retain('api')).toBe(web);
  expect(names.textOf(web)).toBe('api');
});

test('hostile texts are names like any other', () => {
  const names = new Names();
  for (const text of ['', '__proto__', 'constructor', 'a\u0000b']) {
    expect(names.textOf(names.retain(text))).toBe(text);
  }
  expect(names.size).toBe(4);
});

test('any history of uses: as many numbers as names, and each says its own', () => {
  const step = fc.record({ text: fc.constantFrom('a', 'b', 'c', 'd'), isEnd: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const names = new Names();
      const uses = new Map<string, number[]>();
      for (const { text, isEnd } of steps) {
        const known = uses.get(text) ?? [];
        uses.set(text, known);
        const ended = isEnd ? known.pop() : undefined;
        if (ended !== undefined) names.release(ended);
        else if (!isEnd) known.push(names.retain(text));
      }
      const inUse = [...uses].filter(([, numbers]) => numbers.length > 0);
      expect(names.size).toBe(inUse.length);
      expect(new Set(inUse.flatMap(([, numbers]) => numbers)).size).toBe(inUse.length);
      for (const [text, numbers] of inUse)
        expect(numbers.map((each) => names.textOf(each))).toEqual(numbers.map(() => text));
    }),
  );
});
