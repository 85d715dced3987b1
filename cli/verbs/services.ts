/** `whotalks services [FILTER]`: every service of the fleet, and the peers that no agent reports. */
import { parseFilter } from '../../query/parser.ts';
import { askServer, finish } from '../answer.ts';
import { serviceColumns } from '../columns/services.ts';
import type { ExitCode } from '../exit.ts';
import { checked } from '../filter-operand.ts';
import { listFormats } from '../format/output-format.ts';
import { commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';
import { note } from '../io.ts';
import { formatListing } from '../print.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  checked('filter', () => parseFilter(operand));
  const document = await askServer(invocation, settings, 'services', { q: operand });
  const rows = document.services;
  io.stdout.write(formatListing(io, settings, format, { document, rows, columns: serviceColumns() }));
  if (rows.length === 0) note(io, 'no service matches');
  return finish(io, document);
}
