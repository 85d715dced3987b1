/**
 * Claims: at 20,000 connections per second and more none is lost, each end has its process, and reading an event takes an
 * agent less than 1 us of CPU. And how likely a connection is seen at all, by how long it lives and by which way the agent
 * sees it.
 *
 *     npm run bench events -- [--part storm|seen]... [--count N] [--rounds N] [--each N]
 *
 * Both ends of each connection are on this host, so one connection is four events: two ends are established, two closed.
 * How many connections there are per second is up to the machine, which makes them at the same time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Namespace } from '../test/support/fleet/namespace.ts';
import { Asked } from './support/asked.ts';
import { type Heard, type HearerWork, hearerRole, runHearer } from './support/hearer.ts';
import { measureSeen, printSeen } from './support/likelihood.ts';
import { median, printMachine } from './support/report.ts';

const stormProgram = fileURLToPath(new URL('./programs/connection-storm.mjs', import.meta.url));
const port = 8743;

/** Connections per second at most, in turns: what a busy host has, and as fast as it goes. */
const rates = [1000, 5000, 0] as const;

interface Round {
  readonly perSecond: number;
  readonly heard: Heard;
  /** Ends that do not name the process which has them. */
  readonly wrong: number;
}

interface Storm {
  readonly dial: Asked;
  readonly pids: readonly [server: number, client: number];
}

async function openStorm(inside: Namespace): Promise<Storm> {
  const pidOf = async (side: Asked): Promise<number> => Number((await side.line()).split(' ')[1]);
  const serve = new Asked(inside, [stormProgram, 'serve', String(port)]);
  const server = await pidOf(serve);
  const dial = new Asked(inside, [stormProgram, 'dial', String(port)]);
  return { dial, pids: [server, await pidOf(dial)] };
}

async function measureRound(
  { dial, pids }: Storm,
  hearer: Asked,
  count: number,
  rate: number,
): Promise<Round> {
  await hearer.ask('begin');
  const [, tookMs, failures] = (await dial.ask(`${count} ${rate}`)).split(' ').map(Number) as [
    number,
    number,
    number,
  ];
  if (failures > 0) throw new Error(`${failures} of ${count} connections could not be made`);
  let heard = JSON.parse(await hearer.ask('end')) as Heard;
  // The server may be behind with closing, where the machine is short of time.
  const deadlineMs = performance.now() + 10_000;
  while (heard.closed + heard.lost < 2 * count && performance.now() < deadlineMs) {
    await sleep(50);
    heard = sum(heard, JSON.parse(await hearer.ask('end')) as Heard);
  }
  const right = pids.map((pid) => Math.min(count, heard.closedBy[pid] ?? 0));
  return { perSecond: (count / tookMs) * 1000, heard, wrong: 2 * count - right[0]! - right[1]! };
}

function sum(a: Heard, b: Heard): Heard {
  const closedBy: Record<number, number> = { ...a.closedBy };
  for (const [pid, ends] of Object.entries(b.closedBy))
    closedBy[Number(pid)] = (closedBy[Number(pid)] ?? 0) + ends;
  return {
    opened: a.opened + b.opened,
    closed: a.closed + b.closed,
    closedBy,
    lost: a.lost + b.lost,
    cpuMs: a.cpuMs + b.cpuMs,
  };
}

function printRounds(name: string, count: number, rounds: readonly Round[]): void {
  const events = rounds.map(({ heard }) => heard.opened + heard.closed);
  const perEvent = rounds.map(({ heard }, i) => (heard.cpuMs * 1000) / events[i]!);
  const perConnection = rounds.map(({ heard }) => (heard.cpuMs * 1000) / count);
  const most = (of: (round: Round) => number): number => Math.max(...rounds.map(of));
  console.log(
    `${name.padEnd(44)} ${median(rounds.map(({ perSecond }) => perSecond))
      .toFixed(0)
      .padStart(6)}/s  ` +
      `missing ${most(({ heard }) => 2 * count - heard.closed)}, told as lost ${most(({ heard }) => heard.lost)}, ` +
      `wrong or no process ${most(({ wrong }) => wrong)}; ` +
      `CPU ${median(perEvent).toFixed(2)} us per event, ${median(perConnection).toFixed(1)} us per connection`,
  );
}

/** The way, and what is done with what is heard. */
const hearers: Readonly<Record<string, readonly ['ebpf' | 'destroy', HearerWork]>> = {
  'eBPF, events read': ['ebpf', 'read'],
  'eBPF, read and joined with scans': ['ebpf', 'join'],
  'destroyed sockets, read': ['destroy', 'read'],
};

async function measureStorms(count: number, rounds: number): Promise<void> {
  console.log(
    `\n${count} connections a round, both ends here; ${rounds} rounds, medians of CPU, worst of losses`,
  );
  for (const [name, [way, work]] of Object.entries(hearers)) {
    for (const rate of rates) {
      const inside = await Namespace.open('host', 'bench');
      try {
        const hearer = new Asked(inside, [fileURLToPath(import.meta.url), hearerRole, way, work]);
        await hearer.line();
        const storm = await openStorm(inside);
        await measureRound(storm, hearer, 2000, rate);
        const measured: Round[] = [];
        const size = rate === 0 ? count : Math.min(count, rate * 3);
        for (let i = 0; i < rounds; i++) measured.push(await measureRound(storm, hearer, size, rate));
        printRounds(`${name}, ${rate === 0 ? 'as fast as it goes' : `${rate}/s`}`, size, measured);
      } finally {
        await inside.close();
      }
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: ['storm', 'seen'] },
      count: { type: 'string', default: '60000' },
      rounds: { type: 'string', default: '3' },
      each: { type: 'string', default: '200' },
    },
  });
  printMachine({});
  if (values.part.includes('storm')) await measureStorms(Number(values.count), Number(values.rounds));
  if (values.part.includes('seen')) printSeen(await measureSeen(Number(values.each)));
}

const [role, way, work] = process.argv.slice(2);
await (role === hearerRole ? runHearer(way as 'ebpf' | 'destroy', work as HearerWork) : main());
