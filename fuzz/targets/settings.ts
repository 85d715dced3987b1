/** What people write: flags, the environment, and the config file. */
import { parseConfigFile } from '../../cli/config-file.ts';
import { CliFailure } from '../../cli/exit.ts';
import { checkedNatsUrls } from '../../cli/nats-urls.ts';
import {
  addressSetting,
  countSetting,
  durationSetting,
  flagSetting,
  labelsSetting,
  listSetting,
  percentSetting,
  type Setting,
  SettingError,
  settingTexts,
  sizeSetting,
} from '../../cli/settings.ts';
import { formatHostPort, HostPortError, parseHostPort } from '../../wire/host-port.ts';
import { expectCount, expectOneLine, expectPort } from '../promises.ts';
import { expectAlike, type Target } from '../target.ts';

const parsers: Readonly<Record<string, Setting<unknown>>> = {
  address: addressSetting(null),
  count: countSetting(0),
  duration: durationSetting(0),
  flag: flagSetting(false),
  labels: labelsSetting(),
  list: listSetting(),
  percent: percentSetting(0),
  size: sizeSetting(0),
};

const flags: Target = {
  name: 'settings',
  seeds: () =>
    [
      '127.0.0.1:7443',
      '[::1]:7443',
      '1500ms',
      '15m',
      '512MiB',
      '1G',
      '0.5%',
      'true',
      'a=b,c=d,e',
      'nats://[::1]:4222',
      'x',
    ].map((text) => Buffer.from(text)),
  tokens: [
    ':',
    '[',
    ']',
    '::1',
    'localhost',
    '=',
    ',',
    'ms',
    'd',
    'T',
    'MiB',
    '%',
    '.',
    '://',
    '@',
    '/',
    '\n',
    '\0',
    '\x1b[',
  ],
  run(input) {
    const text = input.toString();
    const values = Object.values(parsers).map((setting) => settingOf(setting, text));
    for (const value of values) if (typeof value === 'number') expectNumber(value);
    return [...values, hostPortOf(text), natsOf(text)];
  },
};

function expectNumber(value: number): void {
  if (Number.isInteger(value)) expectCount(value, 'a setting');
}

/** `refused` where it is none. */
function settingOf(setting: Setting<unknown>, text: string): unknown {
  try {
    return setting.parse([text]);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    expectOneLine(error.message, 'what a setting says');
    return 'refused';
  }
}

function hostPortOf(text: string): unknown {
  try {
    const address = parseHostPort(text);
    expectPort(address.port);
    expectAlike(parseHostPort(formatHostPort(address)), address, 'an address that is printed is the same');
    return address;
  } catch (error) {
    if (error instanceof HostPortError) return 'refused';
    throw error;
  }
}

function natsOf(text: string): string {
  try {
    return checkedNatsUrls([text], false).join();
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    expectOneLine(error.message, 'what --nats says');
    return 'refused';
  }
}

const configFile: Target = {
  name: 'config-file',
  seeds: () => [
    Buffer.from('server: 127.0.0.1:7443\nlimit: 20\ncolumns: [client, server]\ncolor: never\n'),
    Buffer.from('agent:\n  interval: 1s\n  cpuMax: 2%\n  labels:\n    rack: 7\n    "a b": true\n'),
    Buffer.from(
      'aggregator:\n  linger: 15m\n  services:\n    - service: web\n      match: { program: nginx, host: "web*" }\n  names:\n    10.0.0.0/8: office\n',
    ),
    Buffer.from('a: &x [1, *x]\n'),
  ],
  tokens: [
    '\n',
    '  ',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '!!binary ',
    '<<: ',
    '|',
    '>',
    '"',
    "'",
    '#',
    '---\n',
    '? ',
    '%YAML',
    '\t',
    '\0',
    '\x1b[31m',
    '\u202e',
    'agent:',
    'aggregator:',
    '__proto__: ',
  ],
  run(input) {
    try {
      const config = parseConfigFile('whotalks.yaml', input.toString());
      return [config, settingTexts(config.agent ?? {}), settingTexts(config.aggregator ?? {})];
    } catch (error) {
      if (error instanceof CliFailure) expectOneLine(error.message, 'what is wrong with a config file');
      throw error;
    }
  },
  refusals: [CliFailure],
};

export const settingTargets: readonly Target[] = [flags, configFile];
