/** What an agent tells of processes with CAP_BPF and CAP_PERFMON alone, where /proc hides everybody else. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Process } from '../../../model/process.ts';
import { asUser, Place, type ScanThere, withMounts } from '../../support/faults/place.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';

/** A service of root's, whose name is in its script, and whose command line has a secret. */
const server = `
  process.stdin.resume().on('end', () => process.exit());
  const stat = require('node:fs').readFileSync('/proc/self/stat', 'latin1');
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  require('node:net').createServer().listen(18090, '127.0.0.1', () => console.log(process.pid, startTicks));
`;

/** No processes of others, their files neither. */
const hiding = withMounts('mount -t proc -o hidepid=2 proc /proc');

describe.runIf(canMakeNamespaces)('with CAP_BPF and CAP_PERFMON alone, under hidepid=2', () => {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-least-'));
  let place: Place;
  let [pid, startTicks]: number[] = [];
  let scan: ScanThere;

  beforeAll(async () => {
    mkdirSync(join(folder, 'checkout'));
    writeFileSync(join(folder, 'checkout/server.cjs'), server);
    place = await Place.open();
    const served = place.start([
      process.execPath,
      join(folder, 'checkout/server.cjs'),
      '--token=hunter2',
      '--mode',
      'fast',
    ]);
    [pid, startTicks] = (await served.line()).split(' ').map(Number);
    // A process that changes its memory shows no arguments at that moment.
    await until('command lines are told', async () => {
      scan = await place.scanOnce('ebpf', [...hiding, ...asUser('bpf', 'perfmon')]);
      return [18080, 18081, 18090].every((port) => ownerAt(port).cmdline !== null);
    });
  });
  afterAll(async () => {
    await place.close();
    rmSync(folder, { recursive: true });
  });

  function ownerAt(port: number): Process {
    return scan.sockets.find(({ local, state }) => local.port === port && state === 'listen')!.owners[0]!
      .process;
  }

  it('everything about a process of root is told, and the secret is not', () => {
    expect(ownerAt(18090)).toMatchObject({
      pid,
      startTicks,
      comm: 'node',
      exe: process.execPath,
      cmdline: expect.stringMatching(/^\S+node \S+\/checkout\/server\.cjs --token=\*\*\* --mode fast$/),
      program: 'checkout',
      uid: 0,
      user: 'root',
    });
  });

  it('the program of an interpreter that was given text is the interpreter', () => {
    expect(ownerAt(18080)).toMatchObject({ program: 'node', uid: 0 });
    expect(ownerAt(18081)).toMatchObject({ program: 'node', uid: 65534 });
  });
});
