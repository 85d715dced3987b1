/** `whotalks listeners [FILTER]`: listening sockets, with how many clients use each, including none. */
import { parseFilter } from '../../query/parser.ts';
import { askServer, finish } from '../answer.ts';
import { listenerColumns } from '../columns/listeners.ts';
import type { ExitCode } from '../exit.ts';
import { checked } from '../filter-operand.ts';
import { listFormats } from '../format/output-format.ts';
import { commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';
import { note, noteCut } from '../io.ts';
import { formatListing } from '../print.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  checked('filter', () => parseFilter(operand));
  const document = await askServer(invocation, settings, 'listeners', { q: operand });
  const rows = document.listeners;
  io.stdout.write(formatListing(io, settings, format, { document, rows, columns: listenerColumns() }));
  if (rows.length === 0) note(io, 'no listener matches');
  noteCut(io, settings.limit, rows.length, document.total);
  return finish(io, document);
}
