/** CSV, JSON, dot, Mermaid and ages: exact texts. */
import { describe, expect, test } from 'vitest';
import { formatAge } from '../../../cli/format/age.ts';
import { type Column, pickColumns, UnknownColumn } from '../../../cli/format/column.ts';
import { formatCsv } from '../../../cli/format/csv.ts';
import { formatDot, formatMermaid } from '../../../cli/format/graph.ts';
import { formatJson, formatNdjson } from '../../../cli/format/json.ts';
import { cutToWidth, displayWidth } from '../../../cli/format/plain-text.ts';
import type { EdgeDocument } from '../../../model/document.ts';

const columns: readonly Column<readonly [string | null, number]>[] = [
  { key: 'name', title: 'NAME', value: ([name]) => name },
  { key: 'open', title: 'OPEN', value: ([, open]) => open },
];

describe('CSV', () => {
  test('quotes as RFC 4180 says; unknown is empty', () => {
    expect(
      formatCsv(
        [
          ['a,b', 1],
          ['say "hi"\n', 2],
          [null, 3],
        ],
        columns,
        true,
      ),
    ).toBe('name,open\r\n"a,b",1\r\n"say ""hi""\n",2\r\n,3\r\n');
    expect(formatCsv([['a', 1]], columns, false)).toBe('a,1\r\n');
  });

  test('columns are picked by key, in the order asked', () => {
    expect(formatCsv([['a', 1]], pickColumns(columns, ['open', 'name']), true)).toBe('open,name\r\n1,a\r\n');
    expect(() => pickColumns(columns, ['x'])).toThrow(UnknownColumn);
    expect(() => pickColumns(columns, ['x'])).toThrow('--columns: there is no "x"; there are name, open');
  });
});

describe('JSON', () => {
  test('what a terminal would act upon is escaped, and parses back to the same', () => {
    const hostile = { name: '\u009b2J\u202e\x1b' };
    expect(formatNdjson([hostile])).toBe('{"name":"\\u009b2J\\u202e\\u001b"}\n');
    expect(JSON.parse(formatJson(hostile))).toEqual(hostile);
  });
});

describe('drawings', () => {
  const edge = (client: string, both: number): EdgeDocument => ({
    client,
    server: 'in"dex',
    realm: 'default',
    port: 8743,
    protocol: 'tcp',
    open: 1,
    total: 1,
    firstSeenAt: '',
    lastSeenAt: '',
    bytesToServer: null,
    bytesToClient: null,
    seen: { both, client: 0, server: 1 },
  });
  const edges = [edge('web', 1), edge('10.9.4.20', 0)];

  test('dot: one line per edge, dashed where one end is unseen', () => {
    expect(formatDot(edges)).toBe(
      [
        'digraph whotalks {',
        '  rankdir=LR;',
        '  node [shape=box];',
        '  "web" -> "in\\"dex" [label="8743/tcp"];',
        '  "10.9.4.20" -> "in\\"dex" [label="8743/tcp", style=dashed];',
        '}',
        '',
      ].join('\n'),
    );
  });

  test('mermaid: numbered nodes with escaped names', () => {
    expect(formatMermaid(edges)).toBe(
      [
        'flowchart LR',
        '  n0["web"]',
        '  n1["in#34;dex"]',
        '  n2["10.9.4.20"]',
        '  n0 -->|"8743/tcp"| n1',
        '  n2 -.->|"8743/tcp"| n1',
        '',
      ].join('\n'),
    );
  });
});

describe('ages and widths', () => {
  test.each([
    ['2026-11-22T14:02:03.999Z', '0s'],
    ['2026-11-22T14:01:05.000Z', '59s'],
    ['2026-11-22T14:01:04.000Z', '1m'],
    ['2026-11-22T12:02:04.000Z', '2h'],
    ['2026-11-12T14:02:04.000Z', '10d'],
    ['2026-11-22T15:00:00.000Z', '0s'],
  ])('%s is %s old', (time, age) => {
    expect(formatAge(time, '2026-11-22T14:02:04.000Z')).toBe(age);
  });

  test('a cut never splits a wide character', () => {
    expect(displayWidth('検索x')).toBe(5);
    expect(cutToWidth('検索x', 4)).toBe('検…');
    expect(cutToWidth('検索x', 5)).toBe('検索x');
  });
});
