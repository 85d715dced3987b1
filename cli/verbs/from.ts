/** `whotalks from SOURCE`: the answer in a sentence, and whom the source talks to. */
import { parseTarget } from '../../query/target.ts';
import { askServer, finish } from '../answer.ts';
import { peerColumns } from '../columns/peers.ts';
import type { ExitCode } from '../exit.ts';
import { checked, noteNames } from '../filter-operand.ts';
import { dialedText } from '../format/nat.ts';
import { listFormats } from '../format/output-format.ts';
import { plainText } from '../format/plain-text.ts';
import { wrapText } from '../format/wrap.ts';
import { commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';
import { formatListing, tableWidth } from '../print.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  const term = checked('source', () => parseTarget(operand));
  const document = await askServer(invocation, settings, 'from', { q: operand });
  const rows = document.servers;
  const listing = formatListing(io, settings, format, {
    document,
    rows,
    columns: peerColumns('server'),
    below: dialedText,
  });
  if (format === 'table' || format === 'wide') {
    io.stdout.write(
      `${wrapText(plainText(document.summary), tableWidth(io))}\n${listing === '' ? '' : '\n'}`,
    );
  }
  io.stdout.write(listing);
  if (rows.length === 0) noteNames(io, term);
  return finish(io, document);
}
