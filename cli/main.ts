/** The command line from its arguments to its exit code: parse, read the config file, run the verb, say what failed. */
import { readFile } from 'node:fs/promises';
import { CommanderError } from 'commander';
import { FilterError } from '../query/filter-error.ts';
import { BindError } from '../wire/bind-error.ts';
import { ExposureError, HostPortError } from '../wire/host-port.ts';
import type { ConfigFile } from './config-file.ts';
import { CliFailure, type ExitCode, exitCodes, usageFailure } from './exit.ts';
import { plainText } from './format/plain-text.ts';
import { type CliIo, note } from './io.ts';
import { processIo, written } from './process-io.ts';
import { type Call, createProgram } from './program.ts';
import { laterVerbs, verbs } from './verbs.ts';

/** Runs the command line of this process, and ends it: without a daemon's leave-taking, which it has taken by itself. */
export async function runProcess(): Promise<void> {
  const { exitCode, isDaemon } = await runCommand(process.argv.slice(2), processIo());
  process.exitCode = exitCode;
  if (isDaemon) return;
  // To let everything go piece by piece takes a command that is over at once a tenth of its time.
  for (const stream of [process.stdout, process.stderr]) await written(stream);
  process.exit();
}

/** @param argv without node and script. Never throws. */
export async function main(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  return (await runCommand(argv, io)).exitCode;
}

interface Ended {
  readonly exitCode: ExitCode;
  readonly isDaemon: boolean;
}

async function runCommand(argv: readonly string[], io: CliIo): Promise<Ended> {
  let isDaemon = false;
  try {
    const call = parseCall(argv, io);
    if (call === null) return { exitCode: exitCodes.ok, isDaemon };
    isDaemon = call.verb.shared === 'daemon';
    const { fileName, file } = await readConfig(call, io);
    const { run } = await call.verb.load();
    const exitCode = await run({ io, operand: call.operand, flags: call.flags, file, fileName });
    return { exitCode, isDaemon };
  } catch (error) {
    const failure = failureOf(error);
    if (failure.exitCode !== exitCodes.interrupted) note(io, plainText(failure.message));
    if (io.env['WHOTALKS_DEBUG'] === '1' && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return { exitCode: failure.exitCode, isDaemon };
  }
}

/** null when help or the version was asked for and printed. */
function parseCall(argv: readonly string[], io: CliIo): Call | null {
  const calls: Call[] = [];
  const program = createProgram(verbs, argv, io, (call) => calls.push(call));
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, argv);
    throw error;
  }
  return calls[0] ?? null;
}

/** Commander ends by throwing, also after it printed help. */
function endOfParsing(error: CommanderError, argv: readonly string[]): null {
  if (error.exitCode === 0) return null;
  if (error.code === 'commander.help') throw usageFailure('no command given; "whotalks --help" lists them');
  const later = laterVerbs.find((name) => error.message.startsWith(`error: unknown command '${name}'`));
  if (later !== undefined)
    throw usageFailure(`"${later}" is not there yet in this version; "whotalks --help" lists what is`);
  const verb = verbs.find(({ name }) => argv.includes(name));
  const help = verb === undefined ? 'whotalks --help' : `whotalks ${verb.name} --help`;
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\. Expected (.*)\.$/, ': expected $1')
    .replace(/\n?\(Did you mean (.*)\?\)$/s, '; did you mean $1?');
  throw usageFailure(`${message.replaceAll('\n', ' ')}${message.endsWith('?') ? '' : ';'} see "${help}"`);
}

/** The file that --config or WHOTALKS_CONFIG names; an empty one, called '', where neither does. */
async function readConfig({ flags }: Call, io: CliIo): Promise<{ fileName: string; file: ConfigFile }> {
  const typed = [flags['config'] ?? ''].flat().at(-1)!;
  const fileName = typed === '' ? (io.env['WHOTALKS_CONFIG'] ?? '') : typed;
  if (fileName === '') return { fileName, file: {} };
  const source = await readFile(fileName, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const flag = typed === '' ? 'WHOTALKS_CONFIG' : '--config';
    throw usageFailure(`${flag} ${fileName}: ${unreadable[error.code ?? ''] ?? error.message}`);
  });
  const { parseConfigFile } = await import('./config-file.ts');
  return { fileName, file: parseConfigFile(fileName, source) };
}

/** Why a file cannot be read. */
const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder, not a file',
};

function failureOf(error: unknown): CliFailure {
  if (error instanceof CliFailure) return error;
  if (error instanceof HostPortError || error instanceof ExposureError || error instanceof FilterError) {
    return usageFailure(error.message);
  }
  if (error instanceof BindError) return new CliFailure(exitCodes.error, error.message);
  const message = error instanceof Error ? error.message : String(error);
  return new CliFailure(exitCodes.error, `${message.split('\n')[0]!} (WHOTALKS_DEBUG=1 shows where)`);
}
