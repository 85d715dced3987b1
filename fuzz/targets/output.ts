/** What is printed of names that others chose: tables, pictures of the map, and lists for programs. */
import type { Column } from '../../cli/format/column.ts';
import { formatCsv } from '../../cli/format/csv.ts';
import { formatDot, formatMermaid } from '../../cli/format/graph.ts';
import { formatNdjson } from '../../cli/format/json.ts';
import { cutToWidth, displayWidth, plainText } from '../../cli/format/plain-text.ts';
import { formatTable } from '../../cli/format/table.ts';
import { wrapText } from '../../cli/format/wrap.ts';
import type { EdgeDocument } from '../../model/document.ts';
import { expectOneLine } from '../promises.ts';
import { expectAlike, expectThat, type Target } from '../target.ts';

interface Row {
  readonly name: string;
  readonly place: string;
}

const columns: readonly Column<Row>[] = [
  { key: 'name', title: 'NAME', value: ({ name }) => name, canShrink: true },
  { key: 'place', title: 'PLACE', value: ({ place }) => place },
];

/** Everything of a table but line breaks, which are its own. */
function expectLines(text: string, count: number, what: string): void {
  const lines = text.split('\n');
  expectThat(lines.length === count + 1 && lines.at(-1) === '', `${what} has ${count} lines`, text);
  for (const line of lines) expectOneLine(line, what);
}

const names: Target = {
  name: 'names',
  seeds: () =>
    [
      'nginx\0web-1',
      'pöstgres: writer\0日本語',
      '\x1b[2J\x1b]0;title\x07\0\u202eevil',
      'a"b,c\r\nd\0=1+1',
      '\ud83d\ude00\0e\u0301',
      '-\0',
    ].map((text) => Buffer.from(text)),
  tokens: [
    '\x1b[31m',
    '\x9b',
    '\x07',
    '\r',
    '\n',
    '\0',
    '\u202e',
    '\u2028',
    '\u200b',
    '\ufeff',
    '日',
    'e\u0301',
    '\ud83d\ude00',
    '"',
    '\\',
    ']',
    '#',
    '&',
    '|',
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xc2, 0x9b]),
  ],
  run(input) {
    const [name = '', place = ''] = input.toString().split('\0');
    const rows = [
      { name, place },
      { name: place, place: name },
    ];
    for (const width of [null, 20, 80]) {
      const table = formatTable(rows, columns, { asOf: '', hasHeaders: true, width, isColored: false });
      expectLines(table, 3, 'a table');
    }
    const plain = plainText(name);
    expectThat(plainText(plain) === plain, 'plain text is plain');
    const cut = cutToWidth(plain, 10);
    expectThat(displayWidth(cut) <= 10, 'a text is cut to 10 cells', cut);
    const lines = formatNdjson(rows).trimEnd().split('\n');
    expectAlike(
      lines.map((line) => JSON.parse(line) as unknown),
      rows,
      'what is printed for programs says the same',
    );
    return [
      plain.length,
      cut.length,
      wrapText(plain, 20).length,
      pictures(name, place),
      formatCsv(rows, columns, true).length,
    ];
  },
};

function pictures(client: string, server: string): number {
  const edge = { client, server, port: 1, protocol: 'tcp', seen: { both: 0, client: 1, server: 0 } };
  const edges = [edge as EdgeDocument];
  for (const picture of [formatDot(edges), formatMermaid(edges)]) {
    for (const line of picture.split('\n')) expectOneLine(line, 'a picture of the map');
  }
  return formatDot(edges).length;
}

export const outputTargets: readonly Target[] = [names];
