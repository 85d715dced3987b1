/** Listings of names that other people's processes chose. */
import { expect, test } from 'vitest';
import { parseConfigFile } from '../../cli/config-file.ts';
import type { Column } from '../../cli/format/column.ts';
import { commonSettingsOf } from '../../cli/invocation.ts';
import { formatListing } from '../../cli/print.ts';
import { keptIo } from './kept-io.ts';

const columns: readonly Column<{ name: string }>[] = [
  { key: 'name', title: 'NAME', value: (row) => row.name },
];
const rows = [{ name: 'a\x1b[31m' }, { name: 'b' }];

function csv(isTerminal: boolean): string {
  const { io } = keptIo({ isTerminal });
  const file = parseConfigFile('none', '');
  const settings = commonSettingsOf({ io, operand: '', flags: {}, file, fileName: '' });
  const document = { asOf: '2026-02-03T04:05:06.000Z' };
  return formatListing(io, settings, 'csv', { document, rows, columns });
}

test('CSV tells programs every value as it is', () => {
  expect(csv(false)).toBe('name\r\na\x1b[31m\r\nb\r\n');
});

test('CSV on a terminal has nothing that a terminal acts upon', () => {
  expect(csv(true)).toBe('name\r\na\\x1b[31m\r\nb\r\n');
});
