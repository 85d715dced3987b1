/** Sentences broken between words. */
import { expect, test } from 'vitest';
import { wrapText } from '../../../cli/format/wrap.ts';

const text = 'index on idx1 listens there; nobody talked to it';

test('without a width it stays one line', () => expect(wrapText(text, null)).toBe(text));

test('lines end before the width, and those behind the first are indented', () => {
  expect(wrapText(text, 30)).toBe('index on idx1 listens there;\nnobody talked to it');
  expect(wrapText(text, 31, 2)).toBe('index on idx1 listens there;\n  nobody talked to it');
});

test('a word that is longer than a line stays whole', () => {
  expect(wrapText(`to ${'x'.repeat(30)} now`, 20)).toBe(`to\n${'x'.repeat(30)}\nnow`);
});

test('however far it is indented, something of it stands on a line', () => {
  expect(
    wrapText(text, 10, 40)
      .split('\n')
      .map((line) => line.trim()),
  ).toEqual(['index on idx1', 'listens there;', 'nobody talked to it']);
});
