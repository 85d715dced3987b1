/**
 * `whotalks doctor`: what can and cannot be seen on this host, and what fixes it.
 *
 * Exit code 0 whatever is lacking: to find it out is what was asked for. JSON tells states apart for scripts.
 */
import { apiVersion } from '../../wire/protocol.ts';
import { conclude } from '../doctor/conclude.ts';
import { examine } from '../doctor/examine.ts';
import type { Check } from '../doctor/findings.ts';
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

/** Cells of the first column, with what separates it from the second. */
const stateCells = 9;

/** One line each; for what is lacking also what is lost, and the fix. @param width of the terminal */
function forPeople(checks: readonly Check[], colored: boolean, width: number | null): string {
  const nameWidth = Math.max(...checks.map(({ check }) => check.length));
  return checks
    .map(({ check, state, detail, lost, fix }) => {
      const mark = colored && state === 'lacking' ? `\x1b[1m${state}\x1b[0m` : state.padEnd(7);
      const text = wrapText(plainText(detail), width, stateCells + nameWidth + 2);
      const line = `${mark}  ${check.padEnd(nameWidth)}  ${text}\n`;
      return `${line}${consequence('lost', lost, width)}${consequence('fix', fix, width)}`;
    })
    .join('');
}

/** Begins under the name rather than under the detail, which leaves it most of the line. */
function consequence(what: 'lost' | 'fix', text: string | null, width: number | null): string {
  if (text === null) return '';
  const head = `${' '.repeat(stateCells + 2)}${`${what}:`.padEnd(6)}`;
  return `${head}${wrapText(plainText(text), width, head.length)}\n`;
}
