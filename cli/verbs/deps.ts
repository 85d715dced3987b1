/** `whotalks deps SERVICE`: what a service needs or, with --reverse, what needs it. */
import { askServer, finish } from '../answer.ts';
import { type ExitCode, usageFailure } from '../exit.ts';
import { graphFormats } from '../format/output-format.ts';
import { plainText } from '../format/plain-text.ts';
import { commonSettingsOf, type Invocation, requireFormat, sourcesOf } from '../invocation.ts';
import { note } from '../io.ts';
import { formatEdges } from '../print-edges.ts';
import { countSetting, flagSetting, resolveSettings } from '../settings.ts';

const depsSettings = { depth: countSetting(0), reverse: flagSetting(false) } as const;

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, graphFormats);
  const { depth, reverse } = resolveSettings(depsSettings, sourcesOf(invocation, {}));
  if (operand.trim() === '')
    throw usageFailure('deps: expected the name of a service; "whotalks services" lists them');
  const document = await askServer(invocation, settings, 'deps', { q: operand, depth, reverse });
  io.stdout.write(formatEdges(io, settings, format, document));
  if (document.edges.length === 0) {
    const what = reverse
      ? `nothing is known that needs ${operand}`
      : `nothing is known that ${operand} needs`;
    note(io, `${plainText(what)}; "whotalks services" lists the names`);
  }
  return finish(io, document);
}
