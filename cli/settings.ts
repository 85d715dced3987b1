/**
 * Where a setting comes from: flags before the environment before the config file before the default. Pure.
 *
 * Each setting has one parser, which reads the texts that a flag, an environment variable or the file gives for it.
 */
import { HostPortError, parseHostPort } from '../wire/host-port.ts';
import { usageFailure } from './exit.ts';
import { plainText } from './format/plain-text.ts';

/** The value of one setting. */
export interface Setting<T> {
  /** Its texts, in the order given: one, or several of a repeatable flag. Throws SettingError. */
  readonly parse: (texts: readonly string[]) => T;
  readonly fallback: T;
}

/** A text that is no value of its setting. The message begins with `expected`. */
export class SettingError extends Error {
  override readonly name = 'SettingError';

  constructor(expected: string, found: string) {
    super(`expected ${expected}, found ${plainText(JSON.stringify(found))}`);
  }
}

/** What a source says: camelCase name to text; a name that is absent is not set there. */
export type SettingTexts = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SettingSources {
  readonly flags: SettingTexts;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: SettingTexts;
  /** How messages call the file. */
  readonly fileName: string;
}

export type SettingValues<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** Throws a usage failure that names the source of a wrong value. */
export function resolveSettings<S extends Readonly<Record<string, Setting<unknown>>>>(
  settings: S,
  sources: SettingSources,
): SettingValues<S> {
  const values = Object.entries(settings).map(([name, setting]) => [
    name,
    resolveOne(name, setting, sources),
  ]);
  return Object.fromEntries(values) as SettingValues<S>;
}

function resolveOne(
  name: string,
  setting: Setting<unknown>,
  { flags, env, file, fileName }: SettingSources,
): unknown {
  const variable = environmentName(name);
  const fromEnv = env[variable];
  const found = [
    { texts: flags[name], source: flagName(name) },
    { texts: fromEnv === '' ? undefined : fromEnv, source: variable },
    { texts: file[name], source: `${fileName}: ${name}` },
  ].find(({ texts }) => texts !== undefined);
  if (found === undefined) return setting.fallback;
  try {
    return setting.parse(typeof found.texts === 'string' ? [found.texts] : found.texts!);
  } catch (error) {
    if (error instanceof SettingError) throw usageFailure(`${found.source}: ${error.message}`);
    throw error;
  }
}

/** `hostId` → `--host-id`. */
export function flagName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `hostId` → `WHOTALKS_HOST_ID`. */
export function environmentName(name: string): string {
  return `WHOTALKS_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The last text counts where a setting has one value. */
function single<T>(fallback: T, parse: (text: string) => T): Setting<T> {
  return { parse: (texts) => parse(texts.at(-1) ?? ''), fallback };
}

export function textSetting<T extends string | null>(fallback: T): Setting<T | string> {
  return single<T | string>(fallback, (text) => text);
}

export function choiceSetting<C extends string, F extends C | null>(
  choices: readonly C[],
  fallback: F,
): Setting<C | F> {
  return single<C | F>(fallback, (text) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw new SettingError(choices.join(', '), text);
    return choice;
  });
}

export function countSetting(fallback: number): Setting<number> {
  return single(fallback, (text) => {
    if (!/^[0-9]{1,9}$/.test(text)) throw new SettingError('a whole number of 0 to 999999999', text);
    return Number(text);
  });
}

/** `2`, `0.5` or `2%`; more than 100 where it is of one core of several. */
export function percentSetting(fallback: number): Setting<number> {
  return single(fallback, (text) => {
    const match = /^([0-9]{1,5}(?:\.[0-9]{1,3})?) ?%?$/.exec(text);
    if (match === null) throw new SettingError('a percentage such as 2 or 0.5', text);
    return Number(match[1]);
  });
}

export function flagSetting(fallback: boolean): Setting<boolean> {
  return single(fallback, (text) => {
    if (text === 'true' || text === '1' || text === 'yes') return true;
    if (text === 'false' || text === '0' || text === 'no') return false;
    throw new SettingError('true or false', text);
  });
}

/** `HOST:PORT`, as typed. */
export function addressSetting<T extends string | null>(fallback: T): Setting<T | string> {
  return single<T | string>(fallback, (text) => {
    try {
      parseHostPort(text);
    } catch (error) {
      if (error instanceof HostPortError) throw new SettingError(addressForm, text);
      throw error;
    }
    return text;
  });
}

const addressForm = 'HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443';

/** `1s`, `500ms`, `15m`, `2h` as milliseconds. @param minMs what less than that is no value either */
export function durationSetting(fallbackMs: number, minMs = 0): Setting<number> {
  return single(fallbackMs, (text) => {
    const ms = parseDurationMs(text);
    if (ms < minMs) throw new SettingError(`at least ${minMs}ms`, text);
    return ms;
  });
}

/** `512MiB`, `1G` or bytes; K, M and G are of 1024. @param minBytes what less than that is no value either */
export function sizeSetting(fallbackBytes: number, minBytes = 0): Setting<number> {
  return single(fallbackBytes, (text) => {
    const match = /^([0-9]{1,15}) ?(?:([KMGT])(?:i?B)?|B)?$/.exec(text);
    if (match === null) throw new SettingError('a size such as 512MiB or 1GiB', text);
    const bytes = Number(match[1]) * 1024 ** ' KMGT'.indexOf(match[2] ?? ' ');
    if (!Number.isSafeInteger(bytes)) throw new SettingError('a size below 8PiB', text);
    if (bytes < minBytes) throw new SettingError(`at least ${minBytes / 2 ** 20}MiB`, text);
    return bytes;
  });
}

const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export function parseDurationMs(text: string): number {
  const match = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw new SettingError('a duration such as 1s, 500ms or 15m', text);
  return Number(match[1]) * durationUnits[match[2] as keyof typeof durationUnits];
}

/** Comma-separated, or repeated. */
export function listSetting(): Setting<readonly string[]> {
  return {
    parse: (texts) =>
      texts
        .flatMap((text) => text.split(','))
        .map((text) => text.trim())
        .filter((text) => text !== ''),
    fallback: [],
  };
}

/** `k=v`, repeated or comma-separated; a comma that no further `k=` follows belongs to the value. */
export function labelsSetting(): Setting<ReadonlyMap<string, string>> {
  return {
    parse: (texts) => new Map(texts.flatMap((text) => text.split(/,(?=[^,=]+=)/)).map(parseLabel)),
    fallback: new Map(),
  };
}

function parseLabel(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new SettingError('KEY=VALUE', text);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** Scalars, lists and tables of a section as texts, for the settings' own parsers; a table as `key=value`. */
export function settingTexts(section: Readonly<Record<string, unknown>>): SettingTexts {
  return Object.fromEntries(Object.entries(section).map(([name, value]) => [name, textsOf(value)]));
}

function textsOf(value: unknown): string | string[] | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'string');
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).map((pair) => pair.join('='));
}
