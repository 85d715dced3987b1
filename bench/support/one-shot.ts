/** `whotalks sockets` beside the commands that people know: whole processes, each printing all sockets as text. */
import { mainProgram } from './idle-agent.ts';
import { formatSpread, median } from './report.ts';
import { type LoadSize, SocketLoad, socketsLabel, socketsOf } from './socket-load.ts';
import { type Timed, timeCommand } from './timed.ts';

const commands = {
  'whotalks sockets': [process.execPath, mainProgram, 'sockets', '-o', 'table'],
  'ss -tnp': ['ss', '-tnp'],
  'netstat -tnp': ['netstat', '-tnp'],
} as const;
type Command = keyof typeof commands;
const names = Object.keys(commands) as Command[];
const warmUpRounds = 1;

export interface OneShot {
  readonly size: LoadSize;
  readonly times: Readonly<Record<Command, readonly Timed[]>>;
}

export async function measureOneShot(size: LoadSize, rounds: number): Promise<OneShot> {
  const load = await SocketLoad.open(size);
  try {
    for (const name of names) await expectAllRows(load, size, name);
    const times: Record<Command, Timed[]> = { 'whotalks sockets': [], 'ss -tnp': [], 'netstat -tnp': [] };
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      for (const name of names) {
        const timed = await timeCommand(load.inside, commands[name]);
        if (round >= warmUpRounds) times[name].push(timed);
      }
    }
    return { size, times };
  } finally {
    await load.close();
  }
}

/** Every command has to show all sockets, or its time means nothing. */
async function expectAllRows({ inside }: SocketLoad, size: LoadSize, name: Command): Promise<void> {
  const text = await inside.run(commands[name]);
  const rows = text.split('\n').filter((line) => line.includes('127.0.0.')).length;
  if (rows < socketsOf(size)) throw new Error(`${name} shows ${rows} rows only`);
}

/** Wall time, or CPU, of whotalks as a multiple of a peer's; within each round, then the median. */
export function oneShotRatio({ times }: OneShot, peer: Command, key: keyof Timed): number {
  const own = times['whotalks sockets'];
  return median(times[peer].map((timed, round) => own[round]![key] / timed[key]));
}

export function printOneShot(measured: OneShot): void {
  const { size, times } = measured;
  console.log(
    `\n${socketsLabel(size)}, as text; ${times['ss -tnp'].length} rounds, medians (least-greatest)`,
  );
  for (const name of names) {
    const column = (key: keyof Timed): string => formatSpread(times[name].map((timed) => timed[key]));
    console.log(`${name.padEnd(17)} CPU ${column('cpuMs').padEnd(22)} wall ${column('wallMs')}`);
  }
  for (const peer of ['ss -tnp', 'netstat -tnp'] as const) {
    const ratio = (key: keyof Timed): string => oneShotRatio(measured, peer, key).toFixed(2);
    console.log(`whotalks sockets / ${peer}: CPU x ${ratio('cpuMs')}, wall x ${ratio('wallMs')}`);
  }
}
