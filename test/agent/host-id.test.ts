/** Where the id of a host comes from, and that it lasts. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deriveHostId, readHostId, systemHostIdSources } from '../../agent/host-id.ts';

const machineId = '0123456789abcdef0123456789abcdef';

describe('the id of a host', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'whotalks-host-id-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const sources = (given: string | null = null) => ({
    given,
    machineIdFile: join(folder, 'machine-id'),
    keptFile: join(folder, 'state', 'whotalks', 'host-id'),
  });
  const writeMachineId = (text: string): void => writeFileSync(join(folder, 'machine-id'), text);

  test('is what the operator says', () => {
    writeMachineId(`${machineId}\n`);
    expect(readHostId(sources('web-7'))).toEqual({ id: 'web-7', source: 'given' });
  });

  test('is derived from the machine-id, which it does not show', () => {
    writeMachineId(`${machineId}\n`);
    const { id, source } = readHostId(sources());
    expect(source).toBe('machine-id');
    expect(id).toBe('755acc19-995a-88f8-9fcb-ddf7d37ed1b5');
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(id.replaceAll('-', '')).not.toContain(machineId.slice(0, 8));
    expect(deriveHostId(machineId.replace('0', '1'))).not.toBe(id);
  });

  test.each(['', 'uninitialized\n', `${machineId}0\n`, machineId.toUpperCase()])(
    'machine-id %j is none: one is made and kept, readable by the agent alone',
    (text) => {
      writeMachineId(text);
      const made = readHostId(sources());
      expect(made.source).toBe('kept');
      expect(made.id).toMatch(/^[0-9a-f-]{36}$/);
      expect(readHostId(sources())).toEqual(made);
      expect(readFileSync(sources().keptFile, 'utf8')).toBe(`${made.id}\n`);
      expect(statSync(sources().keptFile).mode & 0o777).toBe(0o600);
    },
  );

  test('a kept file with anything else in it is written anew', () => {
    const { id } = readHostId(sources());
    writeFileSync(sources().keptFile, 'not an id\n');
    const other = readHostId(sources());
    expect(other.id).not.toBe(id);
    expect(readHostId(sources())).toEqual(other);
  });

  test('without a place to keep it, it lives as long as the agent', () => {
    writeMachineId('');
    const nowhere = { ...sources(), keptFile: join(folder, 'machine-id', 'host-id') };
    expect(readHostId(nowhere).source).toBe('made');
    expect(readHostId(nowhere).id).not.toBe(readHostId(nowhere).id);
  });

  test('is kept where the system keeps state', () => {
    const keptFile = (env: NodeJS.ProcessEnv, uid: number) => systemHostIdSources(null, env, uid).keptFile;
    expect(keptFile({ XDG_STATE_HOME: '/x', HOME: '/root' }, 0)).toBe('/x/whotalks/host-id');
    expect(keptFile({ HOME: '/root' }, 0)).toBe('/var/lib/whotalks/host-id');
    expect(keptFile({ HOME: '/h' }, 1000)).toBe('/h/.local/state/whotalks/host-id');
  });
});
