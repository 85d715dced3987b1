/** What a whole agent costs that looks each second and finds nothing new, with its aggregator beside it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from '../../test/support/fleet/namespace.ts';
import { until } from '../../test/support/until.ts';
import { type LoadSize, SocketLoad } from './socket-load.ts';

/** bench/ is compiled into dist/bench/support. */
export const mainProgram = join(import.meta.dirname, '../../../bin/whotalks');

const server = '127.0.0.1:7443';

/** Before each measurement: V8 compiles for half a minute, and then the first counters of all sockets are read in turns. */
const settleMs = { early: 30_000, late: 120_000 } as const;
const measureMs = 30_000;

/** USER_HZ. */
const ticksPerSecond = 100;

export interface IdleCost {
  readonly size: LoadSize;
  /** Percent of one core, soon after its start. */
  readonly earlyPercent: number;
  /** The same some three minutes after it. */
  readonly latePercent: number;
  readonly rssMiB: number;
}

export async function measureIdle(size: LoadSize): Promise<IdleCost> {
  const load = await SocketLoad.open(size);
  try {
    const { inside } = load;
    await startDaemon(inside, ['aggregator', '--listen', server, '--http', '127.0.0.1:7480']);
    // A budget would have it look less often, and so cost less than it should.
    const agent = await startDaemon(inside, ['agent', '--server', server, '--cpu-max', '100%']);
    await until('the agent is live', () => isLive(inside));
    await sleep(settleMs.early);
    const earlyPercent = await cpuPercent(inside, agent);
    await sleep(settleMs.late);
    const latePercent = await cpuPercent(inside, agent);
    return { size, earlyPercent, latePercent, rssMiB: await rssMiB(inside, agent) };
  } finally {
    await load.close();
  }
}

/** As a person reads it. */
export function idleText({ earlyPercent, latePercent, rssMiB }: IdleCost): string {
  const [early, late] = [earlyPercent.toFixed(2), latePercent.toFixed(2)];
  return `${late} % of a core (${early} % in its first minute), RSS ${rssMiB.toFixed(0)} MiB`;
}

async function cpuPercent(inside: Namespace, pid: number): Promise<number> {
  const before = await cpuSeconds(inside, pid);
  const begunMs = performance.now();
  await sleep(measureMs);
  const cpu = (await cpuSeconds(inside, pid)) - before;
  return (cpu / (performance.now() - begunMs)) * 1000 * 100;
}

/** @returns its pid in there */
async function startDaemon(inside: Namespace, argv: readonly string[]): Promise<number> {
  const shell = ['sh', '-c', 'echo $$; exec "$@"', 'sh', process.execPath, mainProgram, ...argv];
  const daemon = inside.spawn(shell, { XDG_STATE_HOME: '/tmp', XDG_CONFIG_HOME: '/tmp' });
  daemon.stderr!.resume();
  for await (const text of daemon.stdout!) return Number(String(text).split('\n', 1)[0]);
  throw new Error(`whotalks ${argv[0]} did not start`);
}

async function isLive(inside: Namespace): Promise<boolean | string> {
  const argv = [process.execPath, mainProgram, 'hosts', '--server', server, '-o', 'json'];
  try {
    const { hosts } = JSON.parse(await inside.run(argv)) as { hosts: { state: string }[] };
    return hosts.some(({ state }) => state === 'live');
  } catch (error) {
    return String(error);
  }
}

/** Fields 14 and 15 of /proc/PID/stat: user and system. */
async function cpuSeconds(inside: Namespace, pid: number): Promise<number> {
  const stat = await inside.run(['cat', `/proc/${pid}/stat`]);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function rssMiB(inside: Namespace, pid: number): Promise<number> {
  const status = await inside.run(['cat', `/proc/${pid}/status`]);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
}
