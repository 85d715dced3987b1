/**
 * Connections of given lifetimes, begun at random times, on loopback.
 *
 *   lifetimes.mjs serve PORT COUNT            listens on COUNT ports from PORT on; prints `ready`
 *   lifetimes.mjs dial PORT EACH WINDOW_MS LIFETIME_MS...
 *       prints `ready`. A line on stdin has it dial EACH connections per lifetime within the window, those of the first
 *       lifetime to the first port and so on; each is closed by this side. Prints `done`, and stays until stdin ends.
 */
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [role, port, ...numbers] = [process.argv[2], ...process.argv.slice(3).map(Number)];
process.title = role;
const host = '127.0.0.1';

async function serve(count) {
  for (let i = 0; i < count; i++) {
    const server = net.createServer((connection) => connection.on('error', () => {}).resume());
    server.listen({ host, port: port + i, backlog: 1024 });
    await once(server, 'listening');
  }
  console.log('ready');
}

async function dialOne(to, delayMs, lifetimeMs) {
  await sleep(delayMs);
  const connection = net.connect({ host, port: to }).resume();
  await once(connection, 'connect');
  await sleep(lifetimeMs);
  connection.end();
  await once(connection, 'close');
}

async function dial(each, windowMs, ...lifetimes) {
  console.log('ready');
  for await (const _ of createInterface({ input: process.stdin })) {
    const dialed = lifetimes.flatMap((lifetimeMs, i) =>
      Array.from({ length: each }, () => dialOne(port + i, Math.random() * windowMs, lifetimeMs)),
    );
    await Promise.all(dialed);
    console.log('done');
  }
}

await (role === 'serve' ? serve(...numbers) : dial(...numbers));
