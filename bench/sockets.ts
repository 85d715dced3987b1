/**
 * Claim: `whotalks sockets` on 20,000 sockets of 300 processes is not slower than `netstat -tnp` on the same machine.
 *
 * All three commands run as whole processes, one after the other in turns, in a host of namespaces with its own /proc.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Namespace } from '../test/support/fleet/namespace.ts';
import { formatSpread, median, printMachine } from './support/report.ts';
import { type Timed, timeCommand } from './support/timed.ts';

const processes = 300;
const socketsPerProcess = 67;
const rounds = 9;
const warmUpRounds = 1;

/** bench/ is compiled into dist/bench. */
const repository = join(import.meta.dirname, '../..');
const loadProgram = fileURLToPath(new URL('./programs/socket-load.mjs', import.meta.url));

const commands = {
  'whotalks sockets': [process.execPath, join(repository, 'bin/whotalks'), 'sockets', '-o', 'table'],
  'netstat -tnp': ['netstat', '-tnp'],
  'ss -tnp': ['ss', '-tnp'],
} as const;
type Command = keyof typeof commands;
const names = Object.keys(commands) as Command[];

async function startLoad(inside: Namespace): Promise<void> {
  const load = inside.spawn([process.execPath, loadProgram, String(processes), String(socketsPerProcess)]);
  load.stderr!.pipe(process.stderr);
  const [ready] = (await Promise.race([once(load.stdout!, 'data'), once(load, 'exit')])) as [unknown];
  if (!(ready instanceof Buffer)) throw new Error('the load did not start');
}

/** Every command has to show all sockets, or its time means nothing. */
async function expectAllRows(inside: Namespace, name: Command): Promise<void> {
  const rows = (await inside.run(commands[name]))
    .split('\n')
    .filter((line) => line.includes('127.0.0.1')).length;
  if (rows < processes * socketsPerProcess) throw new Error(`${name} shows ${rows} rows only`);
}

async function measure(inside: Namespace): Promise<Record<Command, Timed[]>> {
  const times: Record<Command, Timed[]> = { 'whotalks sockets': [], 'netstat -tnp': [], 'ss -tnp': [] };
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    for (const name of names) {
      const timed = await timeCommand(inside, commands[name]);
      if (round >= warmUpRounds) times[name].push(timed);
    }
  }
  return times;
}

function printTimes(times: Record<Command, Timed[]>): void {
  const column = (name: Command, key: keyof Timed): number[] => times[name].map((timed) => timed[key]);
  for (const name of names) {
    const cpu = formatSpread(column(name, 'cpuMs'));
    console.log(`${name.padEnd(17)} CPU ${cpu.padEnd(22)} wall ${formatSpread(column(name, 'wallMs'))}`);
  }
  // Each round is compared within itself: what else the machine does then weighs on both.
  const ratio = (peer: Command, key: keyof Timed): string => {
    const own = column('whotalks sockets', key);
    return median(column(peer, key).map((value, round) => value / own[round]!)).toFixed(2);
  };
  for (const peer of ['netstat -tnp', 'ss -tnp'] as const) {
    console.log(`${peer} / whotalks sockets: CPU x ${ratio(peer, 'cpuMs')}, wall x ${ratio(peer, 'wallMs')}`);
  }
}

printMachine({ netstat: ['netstat', '--version'], ss: ['ss', '-V'] });
console.log(`sockets: ${processes * socketsPerProcess} established TCP sockets of ${processes} processes`);
console.log(
  `command: ${names.join(' | ')}, output to /dev/null, ${rounds} rounds in turns; medians (least-greatest)`,
);
const inside = await Namespace.open('host', 'bench');
try {
  await startLoad(inside);
  for (const name of names) await expectAllRows(inside, name);
  printTimes(await measure(inside));
} finally {
  await inside.close();
}
