/**
 * Scans that read what changed alone, beside scans of everything as the oracle: while sockets of all kinds take each other's
 * places under the same fds and in the same memory, both show the same.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SocketScan } from '../../../agent/bpf/socket-scan.ts';
import { TaskTable } from '../../../agent/bpf/task-table.ts';
import { createEbpfCollector, type EbpfCollector } from '../../../agent/collect/ebpf-collector.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';
import { whyNoEbpf } from '../bpf/live-kernel.ts';
import { children, closeAll, connected, fdOf, holders, listen, withPorts } from './machine.ts';

const program = fileURLToPath(new URL('../../support/programs/agitator.mjs', import.meta.url));

/** Sockets whose every change is an event, and what may be in their place without one. */
const settled = ['dialed', 'accepted', 'file', 'dialed', 'accepted', 'file', 'unix', 'listening'];
const settledChanges = ['closed_by_the_peer', 'left_by_a_peer'];
/** Sockets that are in no connection, or will be. */
const unsettled = ['half-closed', 'reset_by_the_peer', 'disconnected', 'unconnected', 'udp,_bound'];
const unsettledChanges = [
  'udp,_connected',
  'shut_down',
  'reset_by_a_peer',
  'reconnected',
  'turned_into_a_listener',
];

const closing: (() => void)[] = [];

const scans = vi.spyOn(SocketScan.prototype, 'run');

/** Whether the last scan passed over a process. */
function isPassedOver(pid: number): boolean {
  const last = scans.mock.settledResults.at(-1);
  if (last?.type !== 'fulfilled') throw new Error('no scan was made');
  const tasks = new TaskTable(last.value.tasks);
  for (let i = 0; i < tasks.length; i++) if (tasks.pid(i) === pid) return tasks.before(i) !== null;
  return false;
}

afterEach(async () => {
  scans.mockClear();
  for (const close of closing.splice(0)) close();
  await closeAll();
});

/** Whether it reads what changed alone, and everything never again. */
async function open(isQuiet: boolean): Promise<EbpfCollector> {
  const collector = await createEbpfCollector({
    hearsChanges: isQuiet,
    everythingIntervalMs: Number.POSITIVE_INFINITY,
  });
  closing.push(() => collector.close());
  for (let i = 0; i < 3; i++) await collector.scan();
  return collector;
}

class Agitator {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const inside = 'ip link set lo up && exec "$0" "$@"';
    this.#child = spawn('unshare', ['-n', 'sh', '-c', inside, process.execPath, program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    closing.push(() => this.#child.kill('SIGKILL'));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the agitator ended');
    return value;
  }

  change(seed: number, count: number, names: readonly string[]): Promise<string> {
    this.#child.stdin!.write(`${seed} ${count} ${names.join(' ')}\n`);
    return this.line();
  }
}

/** What a scan tells of the sockets of a process, and of those in its namespace that nobody holds, in words. */
async function shown(collector: EbpfCollector, pid: number): Promise<string[]> {
  const { ino } = statSync(`/proc/${pid}/ns/net`);
  const { sockets } = await collector.scan();
  return sockets
    .filter(({ owners, netns }) => {
      return owners.length === 0 ? netns === ino : owners.some(({ process }) => process.pid === pid);
    })
    .map(inWords)
    .toSorted();
}

function inWords({ owners, ...row }: OwnedSocket): string {
  return JSON.stringify([row, owners.map(({ process, fds }) => [process.pid, process.comm, fds])]);
}

/** What both show, and what one of them does. */
function differences(
  quiet: readonly string[],
  before: readonly string[],
  after: readonly string[],
): string[] {
  const [first, second, now] = [new Set(before), new Set(after), new Set(quiet)];
  const wrong = quiet.filter((row) => !first.has(row) && !second.has(row));
  const missing = before.filter((row) => second.has(row) && !now.has(row));
  return [...wrong.map((row) => `wrong: ${row}`), ...missing.map((row) => `missing: ${row}`)];
}

const rounds = 40;

/** Many changes; then one after the other that leaves no other trace than an event; then none: a change counts twice. */
function changesIn(round: number, names: readonly string[]): [number, readonly string[]] {
  const turns: readonly [number, readonly string[]][] = [
    [60, names],
    [4, ['queued']],
    [0, names],
    [0, names],
    [1, ['left_by_a_peer']],
    [1, ['from_the_queue']],
    [1, ['from_the_queue']],
    [0, names],
    [0, names],
    [1, ['from_the_queue']],
  ];
  return turns[round % turns.length]!;
}

describe.skipIf((await whyNoEbpf()) !== null || !canMakeNamespaces)('scans of what changed', () => {
  it.each([
    ['only what events tell of', [...settled, ...settledChanges], true],
    ['everything', [...settled, ...settledChanges, ...unsettled, ...unsettledChanges], false],
  ])(
    'show what scans of everything show, while there is %s',
    async (_, names, isQuietInTheEnd) => {
      const agitator = new Agitator();
      await agitator.line();
      const [quiet, full] = [await open(true), await open(false)];
      const found: string[] = [];
      for (let round = 0; round < rounds; round++) {
        await agitator.change(round, ...changesIn(round, names));
        const before = await shown(full, agitator.pid);
        const now = await shown(quiet, agitator.pid);
        const after = await shown(full, agitator.pid);
        found.push(...differences(now, before, after).map((text) => `round ${round}: ${text}`));
      }
      expect(found).toEqual([]);
      // Else nothing but scans of everything was compared. The kernel needs a moment for the last acknowledgements.
      if (!isQuietInTheEnd) return;
      await agitator.change(rounds, 400, settled);
      await until('the process is passed over', async () => {
        await shown(quiet, agitator.pid);
        return isPassedOver(agitator.pid);
      });
    },
    240_000,
  );

  it('a new holder, and one that lets go, are seen while all others are passed over', async () => {
    const [server, port] = await listen('127.0.0.1');
    const [client] = await connected(server);
    const quiet = await open(true);
    const held = async (): Promise<number[][]> => withPorts(await quiet.scan(), port, 0).map(holders);
    expect(await held()).toEqual([[process.pid]]);
    const heir = children.start("console.log('up'); setInterval(() => {}, 1e6)", {
      extraFds: [fdOf(server)],
    });
    await heir.line();
    const [both] = await held();
    expect(new Set(both)).toEqual(new Set([process.pid, heir.pid]));
    await until('the holder is passed over', async () => {
      expect(await held()).toEqual([both]);
      return isPassedOver(heir.pid);
    });
    const [still] = withPorts(await quiet.scan(), client.localPort!, port);
    expect(holders(still!)).toEqual([process.pid]);
    server.close();
    expect(await held()).toEqual([[heir.pid]]);
    await heir.end();
    await until('the listener is gone', async () => (await held()).length === 0);
  });

  it('a process that becomes another program is told by its new name, with the sockets that it keeps', async () => {
    const [server, port] = await listen('127.0.0.1');
    // The shell waits for a signal, and then is the other program.
    const script = 'trap "exec sleep 1000" USR1; echo up; while :; do sleep 0.05; done';
    const heir = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit', fdOf(server)] });
    closing.push(() => heir.kill('SIGKILL'));
    await once(heir.stdout!, 'data');
    const quiet = await open(true);
    const names = async (): Promise<string[]> => {
      const [listener] = withPorts(await quiet.scan(), port, 0);
      return listener!.owners
        .filter(({ process }) => process.pid === heir.pid)
        .map(({ process }) => process.comm);
    };
    expect(await names()).toEqual(['sh']);
    heir.kill('SIGUSR1');
    await until('the name is the new one', async () => (await names())[0] === 'sleep');
    await until('the process is passed over', async () => {
      expect(await names()).toEqual(['sleep']);
      return isPassedOver(heir.pid!);
    });
  });
});
