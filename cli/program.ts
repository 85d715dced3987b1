/** The command line as commander parses it: every verb with its flags and its help. */
import { Command, Option } from 'commander';
import { packageVersion } from '../model/version.ts';
import { usageFailure } from './exit.ts';
import type { CliIo } from './io.ts';
import type { SettingTexts } from './settings.ts';
import type { SharedFlags, Verb } from './verb.ts';

/** A verb that was called, with its words and flags. */
export interface Call {
  readonly verb: Verb;
  readonly operand: string;
  readonly flags: SettingTexts;
}

const historyFlags = ['at', 'since', 'until'] as const;

/**
 * @param argv what will be parsed: where verbs stand in it, they alone get their flags, of which there are hundreds in all
 * @param onCall called with the verb, before parse() returns
 * Throws CommanderError for everything that ends the program early, help included.
 */
export function createProgram(
  verbs: readonly Verb[],
  argv: readonly string[],
  io: CliIo,
  onCall: (call: Call) => void,
): Command {
  const program = new Command('whotalks')
    .description('Who talks to whom: connection maps with the process at both ends of every connection')
    .version(packageVersion, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // Errors are thrown, and said in one line by main; help that nobody asked for would bury it.
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => io.terminalColumns ?? 80,
    })
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .addHelpText('after', '\nExample:\n  whotalks to 10.1.100.9:8743\n');
  addSharedFlags(program, 'question', '', true);
  const named = verbs.filter(({ name }) => argv.includes(name));
  for (const verb of verbs) {
    const command = program.command(verb.name).description(verb.summary);
    if (verb.operand !== '') command.argument(verb.operand);
    if (named.length === 0 || named.includes(verb)) describeVerb(program, command, verb, onCall);
  }
  return program;
}

function describeVerb(program: Command, command: Command, verb: Verb, onCall: (call: Call) => void): void {
  for (const { flags, description, isRepeatable } of verb.options) {
    const option = new Option(flags, description);
    if (isRepeatable === true) option.argParser<string[]>((text, texts) => [...(texts ?? []), text]);
    command.addOption(option);
  }
  addSharedFlags(command, verb.shared, verb.formats, false, verb.without);
  const examples = verb.examples.map((example) => `  whotalks ${example}\n`).join('');
  command.addHelpText('after', `\nExample:\n${examples}`);
  command.action((operand: string | string[] | undefined) => {
    const flags = { ...typedFlags(program), ...typedFlags(command) };
    refuseHistory(flags);
    refuseUseless(verb, flags);
    onCall({ verb, operand: verb.operand === '' ? '' : [operand ?? []].flat().join(' '), flags });
  });
}

/** The flags in front of a verb are the same as those behind it; only the latter are in its help. */
function addSharedFlags(
  command: Command,
  shared: SharedFlags,
  formats: string,
  isHidden: boolean,
  without: readonly string[] = [],
): void {
  const add = (flags: string, description: string): void => {
    const option = new Option(flags, description);
    command.addOption(option.hideHelp(isHidden || without.includes(option.attributeName())));
  };
  if (shared === 'question') {
    add('--server <host:port>', 'the aggregator (default: 127.0.0.1:7443, or WHOTALKS_SERVER)');
    add(
      '--ca <file>',
      "the aggregator's ca.crt (default: plaintext on loopback, else public CAs; or WHOTALKS_CA)",
    );
    add('--token-file <file>', 'holds the token to show it (or WHOTALKS_TOKEN_FILE)');
    add('--realm <realm>', 'only this address space');
  }
  if (shared !== 'daemon') {
    add('-o, --output <format>', formats);
    add('--limit <n>', 'rows at most');
    add('--sort <field>', 'field to sort by, -field for the reverse');
    add('--no-headers', 'no head above columns');
    add('--columns <names>', 'these columns, separated by commas');
    add('--color <when>', 'auto, always or never');
    for (const flag of historyFlags) command.addOption(new Option(`--${flag} <time>`).hideHelp());
  }
  add('--insecure', 'allow plaintext without authorisation off loopback');
  add('--config <file>', 'settings, as YAML');
}

/** What stands on the command line; defaults of commander are no settings. */
function typedFlags(command: Command): Record<string, string | string[]> {
  const flags: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(command.opts<Record<string, unknown>>())) {
    if (command.getOptionValueSource(name) !== 'cli') continue;
    flags[name] = Array.isArray(value) ? value.map(String) : String(value);
  }
  return flags;
}

/** A flag that is taken and does nothing would be believed. */
function refuseUseless({ name, without = [] }: Verb, flags: SettingTexts): void {
  const flag = without.find((useless) => flags[useless] !== undefined);
  if (flag !== undefined) throw usageFailure(`--${flag} has no effect on ${name}; leave it out`);
}

function refuseHistory(flags: SettingTexts): void {
  const flag = historyFlags.find((name) => flags[name] !== undefined);
  if (flag !== undefined)
    throw usageFailure(`--${flag}: history is not available in this version; leave it out to ask about now`);
}
