/** What is said beside an answer. */
import { expect, test } from 'vitest';
import { noteCut } from '../../cli/io.ts';
import { keptIo } from './kept-io.ts';

function said(limit: number, shown: number, total: number): string {
  const { io, err } = keptIo();
  noteCut(io, limit, shown, total);
  return err.join('');
}

test('rows that the server left out are said, those that were not asked for are not', () => {
  expect(said(0, 10, 10)).toBe('');
  expect(said(5, 5, 10)).toBe('');
  expect(said(0, 1000, 1001)).toBe('whotalks: showing 1000 of 1001; --limit N shows more\n');
  expect(said(90_000, 50_000, 60_000)).toBe(
    'whotalks: showing 50000 of 60000; one answer has no more, a filter asks for less\n',
  );
});
