/** Tables: alignment, widths, and names that would move the cursor. */
import { describe, expect, test } from 'vitest';
import type { Column } from '../../../cli/format/column.ts';
import { formatTable, type TableOptions } from '../../../cli/format/table.ts';

interface Row {
  readonly name: string | null;
  readonly open: number;
  readonly note?: string;
}

const columns: readonly Column<Row>[] = [
  { key: 'name', title: 'NAME', value: (row) => row.name, canShrink: true },
  { key: 'open', title: 'OPEN', value: (row) => row.open, isNumber: true },
  { key: 'note', title: 'NOTE', value: (row) => row.note ?? null },
];
const plain: TableOptions = { asOf: '', hasHeaders: true, width: null, isColored: false };
const table = (rows: readonly Row[], options: Partial<TableOptions> = {}) =>
  formatTable(rows, columns, { ...plain, ...options });

describe('formatTable', () => {
  test('aligns texts left and numbers right, without trailing spaces', () => {
    expect(
      table([
        { name: 'index_search', open: 7 },
        { name: null, open: 1234, note: 'x' },
      ]),
    ).toBe(
      [
        'NAME          OPEN  NOTE', //
        'index_search     7  -',
        '-             1234  x',
        '',
      ].join('\n'),
    );
  });

  test('no rows give nothing, and heads can be left out', () => {
    expect(table([])).toBe('');
    expect(table([{ name: 'a', open: 1, note: 'n' }], { hasHeaders: false })).toBe('a  1  n\n');
  });

  test('cuts what may shrink until the line fits, and nothing else', () => {
    const rows = [{ name: 'a-very-long-service-name', open: 1, note: '10.1.100.9:8743' }];
    expect(table(rows, { width: 36 })).toBe(
      ['NAME           OPEN  NOTE', 'a-very-long-…     1  10.1.100.9:8743', ''].join('\n'),
    );
    expect(table(rows, { width: 5 }).split('\n')[1]).toBe('a-very-…     1  10.1.100.9:8743');
  });

  test('heads are bold where colour is', () => {
    expect(table([{ name: 'a', open: 1, note: 'n' }], { isColored: true }).split('\n')[0]).toBe(
      '\x1b[1mNAME  OPEN  NOTE\x1b[0m',
    );
  });

  test('control characters of a hostile name are shown, not obeyed', () => {
    expect(table([{ name: 'a\x1b[2J\r\n\u202eb\u009b', open: 1 }], { hasHeaders: false })).toBe(
      'a\\x1b[2J\\x0d\\x0a\\u{202e}b\\x9b  1  -\n',
    );
  });

  test('wide characters count two cells, combining ones none', () => {
    expect(
      table(
        [
          { name: '検索', open: 1 },
          { name: 'e\u0301', open: 2 },
          { name: 'abcd', open: 3 },
        ],
        { hasHeaders: false },
      ),
    ).toBe(['検索  1  -', 'e\u0301     2  -', 'abcd  3  -', ''].join('\n'));
  });

  test('a long table is aligned from end to end, whatever stands where', () => {
    const many = Array.from({ length: 600 }, (_, open) => ({ name: `n${open}`, open }));
    many[300] = { name: '検索検索', open: 300 };
    const lines = table(many).split('\n');
    expect(lines.length).toBe(602);
    expect(lines.slice(0, 3)).toEqual(['NAME      OPEN  NOTE', 'n0           0  -', 'n1           1  -']);
    expect(lines[301]).toBe('検索検索   300  -');
    expect(lines[600]).toBe('n599       599  -');
  });
});
