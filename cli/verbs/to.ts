/** `whotalks to TARGET`: the answer in a sentence, who listens there, and who calls. */
import type { ToDocument } from '../../model/document.ts';
import { parseTarget } from '../../query/target.ts';
import { askServer, finish } from '../answer.ts';
import { listenerEndColumns } from '../columns/listeners.ts';
import { peerColumns } from '../columns/peers.ts';
import type { ExitCode } from '../exit.ts';
import { checked, noteNames } from '../filter-operand.ts';
import { dialedText } from '../format/nat.ts';
import { listFormats } from '../format/output-format.ts';
import { plainText } from '../format/plain-text.ts';
import { formatTable } from '../format/table.ts';
import { wrapText } from '../format/wrap.ts';
import { type CommonSettings, commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';
import type { CliIo } from '../io.ts';
import { chosenColumns, formatListing, linesBelow, tableOptions, tableWidth } from '../print.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  const term = checked('target', () => parseTarget(operand));
  const document = await askServer(invocation, settings, 'to', { q: operand });
  io.stdout.write(
    format === 'table' || format === 'wide'
      ? forPeople(io, settings, format, document)
      : formatListing(io, settings, format, {
          document,
          rows: document.clients,
          columns: peerColumns('client'),
        }),
  );
  if (document.listeners.length === 0 && document.clients.length === 0) noteNames(io, term);
  return finish(io, document);
}

/** `--columns` are those of the clients. */
function forPeople(
  io: CliIo,
  settings: CommonSettings,
  format: 'table' | 'wide',
  document: ToDocument,
): string {
  const options = tableOptions(io, settings, format, document.asOf);
  const listenerColumns = listenerEndColumns().filter(
    (column) => format === 'wide' || column.isWide !== true,
  );
  const clientColumns = chosenColumns(peerColumns('client'), settings, format);
  return [
    `${wrapText(plainText(document.summary), tableWidth(io))}\n`,
    formatTable(document.listeners, listenerColumns, options),
    formatTable(document.clients, clientColumns, options, linesBelow(dialedText, settings, format)),
  ]
    .filter((part) => part !== '')
    .join('\n');
}
