/** What is said beside an answer. */
import { expect, test } from 'vitest';
import { type CliIo, noteCut } from '../../cli/io.ts';

function said(limit: number, shown: number, total: number): string {
  let text = '';
  const io: CliIo = {
    stdout: { write: () => {} },
    stderr: { write: (line) => void (text += line) },
    env: {},
    signal: new AbortController().signal,
    isTerminal: false,
    terminalColumns: null,
    programName: 'whotalks',
  };
  noteCut(io, limit, shown, total);
  return text;
}

test('rows that the server left out are said, those that were not asked for are not', () => {
  expect(said(0, 10, 10)).toBe('');
  expect(said(5, 5, 10)).toBe('');
  expect(said(0, 1000, 1001)).toBe('whotalks: showing 1000 of 1001; --limit N shows more\n');
  expect(said(90_000, 50_000, 60_000)).toBe(
    'whotalks: showing 50000 of 60000; one answer has no more, a filter asks for less\n',
  );
});
