/** `whotalks connections [FILTER]`: one row per connection, both ends. */
import { parseFilter } from '../../query/parser.ts';
import { askServer, finish } from '../answer.ts';
import { connectionColumns } from '../columns/connections.ts';
import type { ExitCode } from '../exit.ts';
import { checked } from '../filter-operand.ts';
import { translationText } from '../format/nat.ts';
import { listFormats } from '../format/output-format.ts';
import { commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';
import { note, noteCut } from '../io.ts';
import { formatListing } from '../print.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  checked('filter', () => parseFilter(operand));
  const document = await askServer(invocation, settings, 'connections', { q: operand });
  const rows = document.connections;
  const columns = connectionColumns();
  io.stdout.write(formatListing(io, settings, format, { document, rows, columns, below: translationText }));
  if (rows.length === 0) note(io, 'no connection matches');
  noteCut(io, settings.limit, rows.length, document.total);
  return finish(io, document);
}
