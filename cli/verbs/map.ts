/** `whotalks map [FILTER]`: the service map, as a list or drawn. */
import { parseFilter } from '../../query/parser.ts';
import { askServer, finish } from '../answer.ts';
import type { ExitCode } from '../exit.ts';
import { checked } from '../filter-operand.ts';
import { graphFormats } from '../format/output-format.ts';
import { commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';
import { note } from '../io.ts';
import { formatEdges } from '../print-edges.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, graphFormats);
  checked('filter', () => parseFilter(operand));
  const document = await askServer(invocation, settings, 'map', { q: operand });
  io.stdout.write(formatEdges(io, settings, format, document));
  if (document.edges.length === 0) note(io, 'no service talks to another here');
  return finish(io, document);
}
