/**
 * `whotalks sockets` to users with more or fewer capabilities: every way of reading sockets shows all rows and the owners
 * that it may see, and says word by word what is missing.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SocketsDocument } from '../../model/document.ts';
import {
  asRoot,
  closedFiles,
  hiddenProcesses,
  unknownNetns,
  unknownPrograms,
  withoutEbpf,
} from '../agent/faults/sentences.ts';
import { asUser, Place, rowsHeldBy, withMounts } from '../support/faults/place.ts';
import { canMakeNamespaces, runToEnd } from '../support/fleet/namespace.ts';

const mainProgram = fileURLToPath(new URL('../../bin/whotalks', import.meta.url));

const noMaps = withoutEbpf('cannot create the map learned: EPERM', 'permission');
const noPrograms = withoutEbpf('cannot load the program learn: EPERM', 'permission');
/** Its first process and the holder of root, of which an ordinary user sees neither files nor namespace. */
const closed = [closedFiles(2, asRoot), unknownNetns(2, asRoot)];
const hiding = withMounts('mount -t proc -o hidepid=2 proc /proc');

const everybody = rowsHeldBy('root', 'user');
const ownOnly = rowsHeldBy('user');

/** Capabilities of a user, what is asked for, what cannot be seen, and the rows of the two holders. */
type Case = readonly [capabilities: string[], source: string, cannotSee: string[], rows: string[]];

const shown: readonly Case[] = [
  [[], 'auto', [noMaps, ...closed], ownOnly],
  [[], 'sockdiag', closed, ownOnly],
  [[], 'procfs', closed, ownOnly],
  [['bpf', 'perfmon'], 'auto', [], everybody],
  [['bpf', 'perfmon'], 'ebpf', [], everybody],
  [['bpf', 'perfmon'], 'ebpf-files', [unknownPrograms], everybody],
  [['bpf'], 'auto', [noPrograms, ...closed], ownOnly],
  [['sys_ptrace'], 'sockdiag', [closed[0]!], ownOnly],
  [['sys_ptrace'], 'procfs', [closed[0]!], ownOnly],
  [['dac_read_search'], 'procfs', closed, ownOnly],
  [['sys_ptrace', 'dac_read_search'], 'sockdiag', [], everybody],
  [['sys_ptrace', 'dac_read_search'], 'procfs', [], everybody],
  [['bpf', 'perfmon', 'sys_ptrace', 'dac_read_search'], 'auto', [], everybody],
];

describe.runIf(canMakeNamespaces)('whotalks sockets', () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.open();
  });
  afterAll(() => place.close());

  async function ask(prefix: readonly string[], source: string) {
    const argv = [...prefix, process.execPath, mainProgram, 'sockets', '-o', 'json', '--source', source];
    return runToEnd([...place.namespace.enter, ...argv]);
  }

  async function expectShown(prefix: readonly string[], source: string, cannotSee: string[], rows: string[]) {
    const { code, stdout, stderr } = await ask(prefix, source);
    expect(stderr).toBe(cannotSee.map((sentence) => `whotalks: cannot see: ${sentence}\n`).join(''));
    expect(code).toBe(0);
    expect(documentRows(JSON.parse(stdout) as SocketsDocument)).toEqual(rows);
  }

  /** As Place.rows. */
  function documentRows({ sockets }: SocketsDocument): string[] {
    return sockets
      .filter(({ local }) => [18080, 18081, 28080, 28081].includes(local.port))
      .map(({ local, state, owners }) => {
        const holders = owners.map(({ pid }) => place.holder(pid) ?? `pid ${pid}`);
        return `${local.port} ${state} ${holders.join('+') || '-'}`;
      })
      .toSorted();
  }

  it.each(shown)('of a user with %j by %s', async (capabilities, source, cannotSee, rows) => {
    await expectShown(asUser(...capabilities), source, cannotSee, rows);
  });

  it.each(['sockdiag', 'procfs'])('of a user under hidepid=2 by %s', async (source) => {
    await expectShown([...hiding, ...asUser()], source, [hiddenProcesses], ownOnly);
  });

  it.each(['ebpf', 'ebpf-files'])('of a user who may not use the %s that was asked for', async (source) => {
    const { code, stdout, stderr } = await ask(asUser(), source);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `whotalks: ${source} does not work here: cannot create the map learned: EPERM; to get it: ` +
        'CAP_BPF and CAP_PERFMON (run as root), and a container or sandbox that allows bpf(2).\n',
    );
  });
});
