/** What a verb is called with, and the settings that every verb shares. */

import { HostPortError, isLoopbackHost, parseHostPort } from '../wire/host-port.ts';
import { defaultGrpcAddress } from '../wire/protocol.ts';
import type { ConfigFile } from './config-file.ts';
import { usageFailure } from './exit.ts';
import { graphFormats, type OutputFormat } from './format/output-format.ts';
import { type CliIo, note } from './io.ts';
import {
  addressSetting,
  choiceSetting,
  countSetting,
  flagSetting,
  listSetting,
  resolveSettings,
  type SettingSources,
  type SettingTexts,
  type SettingValues,
  settingTexts,
  textSetting,
} from './settings.ts';

export interface Invocation {
  readonly io: CliIo;
  /** The words behind the verb, joined by spaces: its filter, target, source or service. */
  readonly operand: string;
  /** Flags as typed. */
  readonly flags: SettingTexts;
  readonly file: ConfigFile;
  /** Path of the config file, for messages. */
  readonly fileName: string;
}

/** Settings of everything that asks or prints. */
const commonSettings = {
  server: addressSetting(defaultGrpcAddress),
  realm: textSetting(''),
  insecure: flagSetting(false),
  tokenFile: textSetting(null),
  ca: textSetting(null),
  output: choiceSetting(graphFormats, 'table'),
  limit: countSetting(0),
  sort: textSetting(''),
  headers: flagSetting(true),
  columns: listSetting(),
  color: choiceSetting(['auto', 'always', 'never'], 'auto'),
} as const;

export type CommonSettings = SettingValues<typeof commonSettings>;

export function commonSettingsOf(invocation: Invocation): CommonSettings {
  return resolveSettings(commonSettings, sourcesOf(invocation, {}));
}

/** @param section of the config file; what it sets counts before the top level of the file */
export function sourcesOf(
  invocation: Invocation,
  section: Readonly<Record<string, unknown>>,
): SettingSources {
  const { agent: _agent, aggregator: _aggregator, ...top } = invocation.file;
  return {
    flags: invocation.flags,
    env: invocation.io.env,
    file: { ...settingTexts(top), ...settingTexts(section) },
    fileName: invocation.fileName,
  };
}

/** Throws a usage failure when a verb does not know the format. */
export function requireFormat<F extends OutputFormat>(output: OutputFormat, formats: readonly F[]): F {
  const format = formats.find((candidate) => candidate === output);
  if (format === undefined)
    throw usageFailure(`--output ${output} does not fit here; there are ${formats.join(', ')}`);
  return format;
}

/** --insecure is never silent where it has an effect. */
export function warnIfExposed(io: CliIo, flag: string, address: string, insecure: boolean): void {
  if (!insecure || isLoopbackAddress(address)) return;
  note(
    io,
    `warning: ${flag} ${address} with --insecure: plaintext, and whoever reaches it can read and forge`,
  );
}

/** False for what is no address. */
export function isLoopbackAddress(address: string): boolean {
  try {
    return isLoopbackHost(parseHostPort(address).host);
  } catch (error) {
    if (error instanceof HostPortError) return false;
    throw error;
  }
}
