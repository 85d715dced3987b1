/**
 * Claim: to know how the new connections of each scan are translated (1 % of 20,000) costs at least 20 times less CPU by
 * look-ups than by `conntrack -L`, which lists the whole table.
 *
 * Not equal terms: conntrack is a whole process that prints text; the look-ups are those of a running agent. The first
 * look-up of all sockets has a line of its own and no goal: a running agent does it once.
 */

import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConntrackTables } from '../agent/conntrack/conntrack-tables.ts';
import { Translations } from '../agent/conntrack/translations.ts';
import type { ConntrackQuestion } from '../agent/netlink/conntrack-question.ts';
import { ConntrackExchange, ConntrackSocket, questionsMax } from '../agent/netlink/conntrack-socket.ts';
import { loadDatagramCalls } from '../agent/netlink/datagram-calls.ts';
import { NetnsEntry } from '../agent/netlink/netns-entry.ts';
import { parseNetnsLink } from '../agent/procfs/pid-netns.ts';
import { TimeSlice } from '../agent/procfs/time-slice.ts';
import { parseEndpoint } from '../model/endpoint.ts';
import type { Process } from '../model/process.ts';
import type { OwnedSocket } from '../model/socket.ts';
import type { SocketEvent } from '../model/socket-event.ts';
import { Namespace } from '../test/support/fleet/namespace.ts';
import { formatSpread, median, printMachine } from './support/report.ts';
import { timeCommand } from './support/timed.ts';

/** Half of the sockets are those that dialed, which are looked up. */
const processes = 200;
const socketsPerProcess = 200;
const rounds = 15;
const goal = 20;

/** A tenth of the connections are translated, and the kernel tracks all. */
const rules = `
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    tcp dport 8743 tcp sport 32768-35590 snat to 127.0.0.9
  }
}
`;

const loadProgram = fileURLToPath(new URL('./programs/socket-load.mjs', import.meta.url));

async function startLoad(inside: Namespace): Promise<void> {
  await inside.run(['nft', '-f', '-'], rules);
  const load = inside.spawn([process.execPath, loadProgram, String(processes), String(socketsPerProcess)]);
  load.stderr!.pipe(process.stderr);
  const [ready] = (await Promise.race([once(load.stdout!, 'data'), once(load, 'exit')])) as [unknown];
  if (!(ready instanceof Buffer)) throw new Error('the load did not start');
}

/** The sockets that dialed, as a scan shows them. */
async function dialedSockets(inside: Namespace, netns: number): Promise<OwnedSocket[]> {
  const text = await inside.run(['ss', '-Htn', 'state', 'established', 'dport', '=', ':8743']);
  const owners = [{ process: { pid: inside.pid } as Process, fds: [3] }];
  return text
    .trim()
    .split('\n')
    .map((line): OwnedSocket => {
      const [local, remote] = line.trim().split(/\s+/).slice(2);
      return {
        protocol: 'tcp',
        state: 'established',
        local: parseEndpoint(local!)!,
        remote: parseEndpoint(remote!)!,
        inode: 0,
        uid: 0,
        netns,
        owners,
      };
    });
}

/** CPU of this process in milliseconds, while `work` runs. */
async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Microseconds for each question, in full datagrams. */
async function askAll(asked: ConntrackSocket, questions: readonly ConntrackQuestion[]): Promise<number> {
  const spent = await cpuMs(() => {
    for (let from = 0; from < questions.length; from += questionsMax) {
      asked.ask(questions.slice(from, from + questionsMax));
    }
  });
  return (spent * 1000) / questions.length;
}

interface Measured {
  readonly hitUs: number[];
  readonly missUs: number[];
  readonly startMs: number[];
  readonly churnMs: number[];
  readonly dumpMs: number[];
}

interface Bench {
  readonly inside: Namespace;
  readonly asked: ConntrackSocket;
  readonly tables: ConntrackTables;
  readonly sockets: readonly OwnedSocket[];
}

let lastId = 0;

function openings(sockets: readonly OwnedSocket[], notBeforeMs: number): SocketEvent[] {
  return sockets.map((socket) => ({ kind: 'opened', id: ++lastId, socket, openedAtMs: 2, notBeforeMs }));
}

async function measureRound({ inside, asked, tables, sockets }: Bench, measured: Measured): Promise<void> {
  const questions = sockets.map(({ protocol, local, remote }) => ({ protocol, tuple: { local, remote } }));
  const absent = questions.map(({ protocol, tuple: { local, remote } }) => ({
    protocol,
    tuple: { local, remote: { ...remote, port: 9 } },
  }));
  measured.hitUs.push(await askAll(asked, questions));
  measured.missUs.push(await askAll(asked, absent));
  measured.startMs.push(
    await cpuMs(async () => {
      const translations = new Translations(tables);
      tables.begin();
      await translations.note(openings(sockets, 0), new TimeSlice());
      const found = await translations.find(0, new TimeSlice());
      if (found.length !== sockets.length) throw new Error(`${found.length} of ${sockets.length} found`);
    }),
  );
  const fresh = sockets.filter((_, i) => i % 100 === 0);
  const translations = new Translations(tables);
  measured.churnMs.push(
    await cpuMs(async () => {
      tables.begin();
      await translations.note(openings(fresh, 1), new TimeSlice());
      await translations.find(0, new TimeSlice());
    }),
  );
  measured.dumpMs.push((await timeCommand(inside, ['conntrack', '-L'])).cpuMs);
}

function print({ hitUs, missUs, startMs, churnMs, dumpMs }: Measured, sockets: number): void {
  const us = (values: readonly number[]): string =>
    `${median(values).toFixed(1)} us (${Math.min(...values).toFixed(1)}-${Math.max(...values).toFixed(1)})`;
  console.log(`one look-up with an entry        CPU ${us(hitUs)}`);
  console.log(`one look-up without one          CPU ${us(missUs)}`);
  console.log(`all ${sockets} sockets at the start  CPU ${formatSpread(startMs)}`);
  console.log(`1 % of them in a later scan      CPU ${us(churnMs.map((ms) => ms * 1000))}`);
  console.log(`conntrack -L                     CPU ${formatSpread(dumpMs)}`);
  const ratio = median(dumpMs.map((ms, round) => ms / churnMs[round]!));
  console.log(`conntrack -L / 1 % looked up = ${ratio.toFixed(0)} (goal ${goal})`);
}

printMachine({ conntrack: ['conntrack', '--version'] });
console.log(`sockets: ${processes * socketsPerProcess} TCP sockets on loopback, a tenth of them translated`);
console.log(`rounds: ${rounds} in turns after one to warm up; medians (least-greatest)`);
const inside = await Namespace.open('host', 'bench');
const exchange = new ConntrackExchange(await loadDatagramCalls());
const entry = NetnsEntry.open(exchange.calls);
try {
  await startLoad(inside);
  const path = `/proc/${inside.pid}/ns/net`;
  const netns = parseNetnsLink(readlinkSync(path))!;
  const asked = entry.within(path, netns, () => ConntrackSocket.open(exchange))!;
  const tables = new ConntrackTables(exchange, NetnsEntry.open(exchange.calls), '/proc');
  const bench = { inside, asked, tables, sockets: await dialedSockets(inside, netns) };
  const measured: Measured = { hitUs: [], missUs: [], startMs: [], churnMs: [], dumpMs: [] };
  for (let round = 0; round <= rounds; round++) {
    await measureRound(bench, measured);
    if (round === 0) for (const values of Object.values(measured) as number[][]) values.length = 0;
  }
  print(measured, bench.sockets.length);
  tables.close();
  asked.close();
} finally {
  entry.close();
  await inside.close();
}
