/**
 * Claims: at 20,000 connections per second and more none is lost, each end has its process, and reading an event takes an
 * agent less than 1 us of CPU. And how likely a connection is seen at all, by how long it lives and by which way the agent
 * sees it.
 *
 *     npm run bench events -- [--part storm|seen]... [--count N] [--rounds N] [--each N] [--write]
 *
 * Both ends of each connection are on this host, so one connection is four events: two ends are established, two closed.
 * How many connections there are per second is up to the machine, which makes them at the same time. `--write` makes
 * docs/benchmarks-events.md of it.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Namespace } from '../test/support/fleet/namespace.ts';
import { Asked } from './support/asked.ts';
import { eventsPage, table } from './support/events-page.ts';
import { type Heard, type HearerWork, hearerRole, runHearer } from './support/hearer.ts';
import { measureSeen, printSeen, seenSection } from './support/likelihood.ts';
import { median, printMachine } from './support/report.ts';
import { makeStormProgram, Storm, type StormMaker } from './support/storm.ts';

/** Connections per second at most, in turns: what a busy host has, and as fast as it goes. */
const rates = [1000, 5000, 10_000, 15_000, 0] as const;

interface Round {
  readonly perSecond: number;
  readonly heard: Heard;
  /** Ends that do not name the process which has them. */
  readonly wrong: number;
}

async function measureRound(storm: Storm, hearer: Asked, count: number, rate: number): Promise<Round> {
  await hearer.ask('begin');
  const { perSecond } = await storm.make(count, rate);
  let heard = JSON.parse(await hearer.ask('end')) as Heard;
  // The server may be behind with closing, where the machine is short of time.
  const deadlineMs = performance.now() + 10_000;
  while (heard.closed < 2 * count && performance.now() < deadlineMs) {
    await sleep(50);
    heard = sum(heard, JSON.parse(await hearer.ask('end')) as Heard);
  }
  const { server, client } = storm.pids;
  const right = [server, client].map((pid) => Math.min(count, heard.closedBy[pid] ?? 0));
  return { perSecond, heard, wrong: 2 * count - right[0]! - right[1]! };
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

/** What the rounds at one rate come to. */
interface Figures {
  readonly name: string;
  readonly asked: string;
  readonly perSecond: number;
  readonly ends: number;
  /** Not told, of all rounds together; `lost` of them were declared, or more. */
  readonly missing: number;
  readonly lost: number;
  readonly wrong: number;
  readonly usPerEvent: number;
}

function figuresOf(name: string, rate: number, count: number, rounds: readonly Round[]): Figures {
  const all = (of: (round: Round) => number): number => rounds.reduce((sum, round) => sum + of(round), 0);
  return {
    name,
    asked: rate === 0 ? 'as fast as it goes' : `${rate}/s`,
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    ends: 2 * count * rounds.length,
    missing: all(({ heard }) => 2 * count - heard.closed),
    lost: all(({ heard }) => heard.lost),
    wrong: all(({ wrong }) => wrong),
    usPerEvent: median(rounds.map(({ heard }) => (heard.cpuMs * 1000) / (heard.opened + heard.closed))),
  };
}

const stormColumns = [
  'what is done with it',
  'asked for',
  'reached',
  'ends',
  'missing',
  'told as lost',
  'wrong or no process',
  'CPU per event',
] as const;

function stormCells(figures: Figures): string[] {
  const { name, asked, perSecond, ends, missing, lost, wrong, usPerEvent } = figures;
  const counts = [ends, missing, lost, wrong].map(String);
  return [name, asked, `${perSecond.toFixed(0)}/s`, ...counts, `${usPerEvent.toFixed(2)} us`];
}

/** The way, and what is done with what is heard. */
const hearers: Readonly<Record<string, readonly ['ebpf' | 'destroy', HearerWork]>> = {
  'eBPF, events read': ['ebpf', 'read'],
  'eBPF, read and joined with scans': ['ebpf', 'join'],
  'destroyed sockets, read': ['destroy', 'read'],
};

async function measureStorms(maker: StormMaker, count: number, rounds: number): Promise<Figures[]> {
  const measured: Figures[] = [];
  for (const [name, [way, work]] of Object.entries(hearers)) {
    for (const rate of rates) {
      const inside = await Namespace.open('host', 'bench');
      try {
        const hearer = new Asked(inside, [fileURLToPath(import.meta.url), hearerRole, way, work]);
        await hearer.line();
        const storm = await Storm.open(inside, maker);
        await measureRound(storm, hearer, 2000, rate);
        const size = rate === 0 ? count : Math.min(count, rate * 3);
        const all: Round[] = [];
        for (let i = 0; i < rounds; i++) all.push(await measureRound(storm, hearer, size, rate));
        const figures = figuresOf(name, rate, size, all);
        console.log(
          stormCells(figures)
            .map((cell, i) => cell.padEnd(i === 0 ? 34 : 20))
            .join(''),
        );
        measured.push(figures);
      } finally {
        await inside.close();
      }
    }
  }
  return measured;
}

/** What the machine makes when nobody listens. */
async function measureAlone(maker: StormMaker, count: number, rounds: number): Promise<number> {
  const inside = await Namespace.open('host', 'bench');
  try {
    const storm = await Storm.open(inside, maker);
    const made: number[] = [];
    for (let i = 0; i < rounds; i++) made.push((await storm.make(count, 0)).perSecond);
    return Math.max(...made);
  } finally {
    await inside.close();
  }
}

async function stormSection(count: number, rounds: number): Promise<string[]> {
  const maker = makeStormProgram();
  try {
    const alone = await measureAlone(maker, count, rounds);
    const head = [
      `Connections are made by ${maker.description}; up to ${alone.toFixed(0)}/s when nobody listens.`,
      `${rounds} rounds of 3 s, or of ${count} connections as fast as it goes, both ends on this host; CPU is a median.`,
    ];
    console.log(`\n${head.join('\n')}`);
    console.log(stormColumns.map((cell, i) => cell.padEnd(i === 0 ? 34 : 20)).join(''));
    const figures = await measureStorms(maker, count, rounds);
    return ['## Storms', '', ...head, '', ...table(stormColumns, figures.map(stormCells)), ''];
  } finally {
    maker.remove();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: ['storm', 'seen'] },
      count: { type: 'string', default: '60000' },
      rounds: { type: 'string', default: '3' },
      each: { type: 'string', default: '200' },
      write: { type: 'boolean', default: false },
    },
  });
  printMachine({});
  const sections: string[] = [];
  if (values.part.includes('storm'))
    sections.push(...(await stormSection(Number(values.count), Number(values.rounds))));
  if (values.part.includes('seen')) {
    const seen = await measureSeen(Number(values.each));
    printSeen(seen);
    sections.push(...seenSection(seen));
  }
  if (values.write) writeFileSync('docs/benchmarks-events.md', eventsPage(sections));
}

const [role, way, work] = process.argv.slice(2);
await (role === hearerRole ? runHearer(way as 'ebpf' | 'destroy', work as HearerWork) : main());
