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
const rows = [{ name: 'a\x1b[31m\r' }, { name: '-bash' }, { name: '-1+cmd' }];

function csv(isTerminal: boolean): string {
  const { io } = keptIo({ isTerminal });
  const file = parseConfigFile('none', '');
  const settings = commonSettingsOf({ io, operand: '', flags: {}, file, fileName: '' });
  const document = { asOf: '2026-02-03T04:05:06.000Z' };
  return formatListing(io, settings, 'csv', { document, rows, columns });
}

test('CSV tells programs where a text has another line, and nothing that a spreadsheet would compute', () => {
  expect(csv(false)).toBe('name\r\n"a\\x1b[31m\r"\r\n-bash\r\n\'-1+cmd\r\n');
});

test('CSV on a terminal has nothing that a terminal acts upon', () => {
  expect(csv(true)).toBe('name\r\n"a\\x1b[31m\\x0d"\r\n-bash\r\n\'-1+cmd\r\n');
});
