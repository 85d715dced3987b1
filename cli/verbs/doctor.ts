/**
 * `whotalks doctor`: what can and cannot be seen on this host, and what fixes it.
 *
 * Exit code 0 whatever is lacking: to find it out is what was asked for. JSON tells states apart for scripts.
 */
import { apiVersion } from '../../wire/protocol.ts';
import { examine } from '../doctor/examine.ts';
import { type Check, conclude } from '../doctor/findings.ts';
import { type ExitCode, exitCodes } from '../exit.ts';
import { formatJson } from '../format/json.ts';
import { plainText } from '../format/plain-text.ts';
import { wrapText } from '../format/wrap.ts';
import { commonSettingsOf, type Invocation, requireFormat, sourcesOf } from '../invocation.ts';
import { isColored, tableWidth } from '../print.ts';
import { resolveSettings, textSetting } from '../settings.ts';

const doctorFormats = ['table', 'json'] as const;
const doctorSettings = { procfs: textSetting('/proc') } as const;

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, doctorFormats);
  const { procfs } = resolveSettings(doctorSettings, sourcesOf(invocation, {}));
  const checks = conclude(await examine(invocation, settings, procfs), io.programName);
  if (format === 'json') {
    io.stdout.write(formatJson({ apiVersion, asOf: new Date().toISOString(), partial: [], checks }));
  } else {
    io.stdout.write(forPeople(checks, isColored(io, settings.color), tableWidth(io)));
  }
  return exitCodes.ok;
}

/** One line each; for what is lacking also what is lost, and the fix. @param width of the terminal */
function forPeople(checks: readonly Check[], colored: boolean, width: number | null): string {
  const nameWidth = Math.max(...checks.map(({ check }) => check.length));
  const indent = 11 + nameWidth;
  const wrapped = (text: string): string => `${wrapText(plainText(text), width, indent)}\n`;
  return checks
    .map(({ check, state, detail, lost, fix }) => {
      const mark = colored && state === 'lacking' ? `\x1b[1m${state}\x1b[0m` : state.padEnd(7);
      const line = `${mark}  ${check.padEnd(nameWidth)}  ${wrapped(detail)}`;
      const consequences = lost === null ? '' : ' '.repeat(indent) + wrapped(`lost: ${lost}`);
      return line + consequences + (fix === null ? '' : ' '.repeat(indent) + wrapped(`fix: ${fix}`));
    })
    .join('');
}
