/**
 * Makes many connections that live for a few milliseconds, one end or the other.
 *
 *   short-connections.mjs serve HOST PORT
 *       accepts; answers 64 bytes by as many, and ends when the other side does. Prints `ready PORT PID`.
 *   short-connections.mjs dial HOST PORT COUNT AT_ONCE LIFETIME_MS
 *       prints `ready PID` and waits for a line on stdin. Then each connection sends 64 bytes, takes the answer and ends
 *       after its lifetime. Prints `done` and waits until stdin ends.
 *
 * PID is as the /proc that is mounted here shows it.
 */
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';

const [role, host, port, count, atOnce, lifetimeMs] = process.argv.slice(2);
const payload = Buffer.alloc(64, 'x');
const pid = readlinkSync('/proc/self');
process.title = role;

async function serve() {
  const server = net.createServer((connection) => {
    connection.on('error', () => {});
    connection.on('data', (bytes) => connection.write(bytes));
  });
  server.listen({ host, port: Number(port), backlog: 4096 });
  await once(server, 'listening');
  console.log(`ready ${server.address().port} ${pid}`);
}

async function dialOne() {
  const connection = net.connect({ host, port: Number(port) });
  let missing = payload.length;
  await once(connection, 'connect');
  const dialedMs = performance.now();
  connection.write(payload);
  for await (const bytes of connection) {
    missing -= bytes.length;
    if (missing > 0) continue;
    const leftMs = dialedMs + Number(lifetimeMs) - performance.now();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    connection.end();
  }
}

async function dial() {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log(`ready ${pid}`);
  await lines.next();
  let left = Number(count);
  const dialer = async () => {
    while (left-- > 0) await dialOne();
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, dialer));
  console.log('done');
  await lines.next();
  process.exit();
}

await (role === 'serve' ? serve() : dial());
