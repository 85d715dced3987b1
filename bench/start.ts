/**
 * Claim: from `npm start` (after a build) to the first correct `to` it takes less than 2 seconds.
 *
 * A connection of known processes is open; the clock runs from the start of the command until the API's `to` names the
 * client's pid. Each round in a host of namespaces of its own.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Namespace } from '../test/support/fleet/namespace.ts';
import { Peer } from '../test/support/fleet/peer.ts';
import { formatSpread, median, printMachine } from './support/report.ts';

const rounds = 5;
const targetMs = 2_000;
const port = 8743;

/** bench/ is compiled into dist/bench. */
const repository = join(import.meta.dirname, '../..');
const asker = fileURLToPath(new URL('./programs/first-answer.mjs', import.meta.url));
const url = `http://127.0.0.1:7480/api/v1/to?q=127.0.0.1:${port}`;

const commands = {
  'whotalks up': 'exec node bin/whotalks up',
  'npm start': 'node scripts/setup.mjs && exec node bin/whotalks up',
} as const;

/** Milliseconds from the start of `command` to its first correct answer. */
async function measureOnce(command: string): Promise<number> {
  const inside = await Namespace.open('host', 'bench');
  try {
    const server = await Peer.start('bench', inside, 'server');
    const client = await Peer.start('bench', inside, 'client');
    await server.listen('127.0.0.1', port);
    await client.connect({ host: '127.0.0.1', port });
    const asking = inside.spawn([process.execPath, asker, url, String(client.pid)]);
    const answered = once(asking.stdout!, 'data');
    const begunMs = Date.now();
    const started = inside.spawn(['sh', '-c', `cd '${repository}' && ${command}`]);
    started.stdout!.resume();
    started.stderr!.resume();
    const [answeredAt] = (await answered) as [Buffer];
    return Number(answeredAt.toString()) - begunMs;
  } finally {
    await inside.close();
  }
}

printMachine({});
for (const [name, command] of Object.entries(commands)) {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await measureOnce(command));
  const ratio = (targetMs / median(times)).toFixed(2);
  console.log(
    `${name}: first correct answer after ${formatSpread(times)}, ${rounds} rounds; target / median = ${ratio}`,
  );
}
