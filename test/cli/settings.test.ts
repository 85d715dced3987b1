/** Precedence of settings, their values, and the messages for wrong ones. */
import { describe, expect, test } from 'vitest';
import { CliFailure } from '../../cli/exit.ts';
import {
  choiceSetting,
  countSetting,
  durationSetting,
  flagSetting,
  labelsSetting,
  listSetting,
  percentSetting,
  resolveSettings,
  type SettingSources,
  settingTexts,
  textSetting,
} from '../../cli/settings.ts';

const settings = {
  server: textSetting('default'),
  limit: countSetting(0),
  insecure: flagSetting(false),
  color: choiceSetting(['auto', 'never'], 'auto'),
  interval: durationSetting(1000),
  columns: listSetting(),
  label: labelsSetting(),
  hostId: textSetting(null),
  cpuMax: percentSetting(2),
} as const;

const resolve = (sources: Partial<SettingSources>) =>
  resolveSettings(settings, { flags: {}, env: {}, file: {}, fileName: 'w.yaml', ...sources });

describe('precedence', () => {
  test('flags over environment over file over default', () => {
    const file = { server: 'file' };
    const env = { WHOTALKS_SERVER: 'env' };
    expect(resolve({}).server).toBe('default');
    expect(resolve({ file }).server).toBe('file');
    expect(resolve({ file, env }).server).toBe('env');
    expect(resolve({ file, env, flags: { server: 'flag' } }).server).toBe('flag');
  });

  test('an empty variable is not set; names follow the spelling of their source', () => {
    expect(resolve({ env: { WHOTALKS_SERVER: '' } }).server).toBe('default');
    expect(resolve({ env: { WHOTALKS_HOST_ID: 'h1' } }).hostId).toBe('h1');
  });
});

describe('values', () => {
  test('are parsed by their setting, whatever the source', () => {
    expect(
      resolve({
        flags: { limit: '7', insecure: 'true', label: ['a=b,c', 'd=e=f'] },
        env: { WHOTALKS_INTERVAL: '500ms', WHOTALKS_COLUMNS: 'a, b' },
        file: settingTexts({ color: 'never', limit: 9, cpuMax: 0.5 }),
      }),
    ).toEqual({
      server: 'default',
      limit: 7,
      insecure: true,
      color: 'never',
      interval: 500,
      columns: ['a', 'b'],
      label: new Map([
        ['a', 'b,c'],
        ['d', 'e=f'],
      ]),
      hostId: null,
      cpuMax: 0.5,
    });
  });

  test.each([
    ['0', 0],
    ['2%', 2],
    ['150', 150],
    ['0.125', 0.125],
  ])('%s is a percentage', (text, percent) => {
    expect(resolve({ flags: { cpuMax: text } }).cpuMax).toBe(percent);
  });

  test.each<[Partial<SettingSources>, string]>([
    [{ flags: { limit: 'x' } }, '--limit: expected a whole number of 0 to 999999999, found "x"'],
    [{ flags: { limit: '-1' } }, '--limit: expected a whole number of 0 to 999999999, found "-1"'],
    [{ env: { WHOTALKS_COLOR: 'pink' } }, 'WHOTALKS_COLOR: expected auto, never, found "pink"'],
    [
      { file: { interval: 'soon' } },
      'w.yaml: interval: expected a duration such as 1s, 500ms or 15m, found "soon"',
    ],
    [{ flags: { cpuMax: '-2' } }, '--cpu-max: expected a percentage such as 2 or 0.5, found "-2"'],
    [
      { env: { WHOTALKS_CPU_MAX: 'some' } },
      'WHOTALKS_CPU_MAX: expected a percentage such as 2 or 0.5, found "some"',
    ],
    [{ flags: { limit: '\u009b2J' } }, '--limit: expected a whole number of 0 to 999999999, found "\\x9b2J"'],
    [{ flags: { label: ['novalue'] } }, '--label: expected KEY=VALUE, found "novalue"'],
    [{ env: { WHOTALKS_INSECURE: 'maybe' } }, 'WHOTALKS_INSECURE: expected true or false, found "maybe"'],
  ])('%j is refused', (sources, message) => {
    let refusal: unknown;
    try {
      resolve(sources);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(CliFailure);
    expect(refusal).toMatchObject({ exitCode: 2, message });
  });
});
