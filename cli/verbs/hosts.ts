/** `whotalks hosts [FILTER]`: agents, their state and losses, and in a table what each of them cannot see. */
import type { HostDocument } from '../../model/document.ts';
import { parseFilter } from '../../query/parser.ts';
import { askServer, finish } from '../answer.ts';
import { hostColumns } from '../columns/hosts.ts';
import type { ExitCode } from '../exit.ts';
import { checked } from '../filter-operand.ts';
import { listFormats } from '../format/output-format.ts';
import { plainText } from '../format/plain-text.ts';
import { wrapText } from '../format/wrap.ts';
import { commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';
import { note } from '../io.ts';
import { formatListing, tableWidth } from '../print.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  checked('filter', () => parseFilter(operand));
  const document = await askServer(invocation, settings, 'hosts', { q: operand });
  const rows = document.hosts;
  io.stdout.write(formatListing(io, settings, format, { document, rows, columns: hostColumns() }));
  if (format === 'table') io.stdout.write(blindSpots(rows, tableWidth(io)));
  if (rows.length === 0)
    note(io, operand === '' ? 'no host has reported yet; start "whotalks agent" on one' : 'no host matches');
  return finish(io, document);
}

function blindSpots(hosts: readonly HostDocument[], width: number | null): string {
  const lines = hosts.flatMap(({ host, cannotSee }) =>
    cannotSee.map((sentence) => `${wrapText(plainText(`${host} cannot see: ${sentence}`), width, 2)}\n`),
  );
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}
