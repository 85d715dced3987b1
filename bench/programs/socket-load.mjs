/**
 * Many processes with many established TCP sockets on loopback. This process connects, hands the descriptors to shells
 * and closes its own. Prints `ready`, and holds them until its stdin ends. On stdin:
 *
 *     churn COUNT HOLDERS   that many shells close COUNT connections together and open as many new ones; prints `churned`.
 *                           The old ones are in TIME_WAIT then, the new server ends stay with this process.
 *     queue                 a connection waits to be accepted from here on; prints `queued`
 *
 *   socket-load.mjs PROCESSES SOCKETS_PER_PROCESS
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';

const [processes, socketsPerProcess] = process.argv.slice(2).map(Number);
const port = 8743;

/** Each has some 28,000 ports for its clients. */
const servers = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];

const accepted = [];
const kept = [];
const holders = [];
const clients = [];

for (const host of servers) {
  const server = net.createServer((socket) => accepted.push(socket)).listen({ host, port, backlog: 4096 });
  await once(server, 'listening');
}

/**
 * A shell that holds descriptors from 3 on. A number on its stdin replaces that many of them, oldest first. Without --norc it
 * takes the socket that is its stdin for a remote login, and reads the user's settings.
 */
const holderScript = `
  host=$1; shift; fds=("$@")
  while read -r count; do
    for ((i = 0; i < count; i++)); do
      old=\${fds[0]}
      exec {old}<&-
      exec {new}<>/dev/tcp/$host/${port}
      fds=("\${fds[@]:1}" "$new")
    done
    echo done
  done`;

async function connectOne(host) {
  const socket = net.connect({ host, port });
  await once(socket, 'connect');
  return socket;
}

/** Starts a process that holds `sockets` and nothing else of ours. */
async function hold(sockets, host) {
  const fds = sockets.map((_, i) => String(i + 3));
  const holder = spawn('bash', ['--norc', '-c', holderScript, 'holder', host, ...fds], {
    stdio: ['pipe', 'pipe', 'inherit', ...sockets.map(({ _handle }) => _handle.fd)],
  });
  await once(holder, 'spawn');
  holders.push(holder);
  return holder;
}

async function takeAccepted(count) {
  while (accepted.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  return accepted.splice(0, count);
}

async function openPair(pair) {
  const host = servers[pair % servers.length];
  const dialed = await Promise.all(Array.from({ length: socketsPerProcess }, () => connectOne(host)));
  const taken = await takeAccepted(socketsPerProcess);
  clients.push(await hold(dialed, host));
  await hold(taken, host);
  for (const socket of [...dialed, ...taken]) socket.destroy();
}

async function churn(count, among) {
  const each = Math.round(count / among);
  const replaced = clients.slice(0, among).map(async (client) => {
    client.stdin.write(`${each}\n`);
    await once(client.stdout, 'data');
  });
  await Promise.all(replaced);
  kept.push(...(await takeAccepted(each * among)));
}

/** A server that is stopped accepts nothing, and the kernel takes connections for it all the same. */
async function queue() {
  const script = `require('node:net').createServer().listen(${port + 1}, '127.0.0.1', () => console.log('up'))`;
  const server = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout, 'data');
  server.kill('SIGSTOP');
  holders.push(server);
  const socket = net.connect({ host: '127.0.0.1', port: port + 1 });
  await once(socket, 'connect');
  kept.push(socket);
}

for (let pair = 0; pair < processes / 2; pair++) await openPair(pair);
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...numbers] = line.split(' ');
  if (command === 'churn') await churn(...numbers.map(Number));
  else await queue();
  process.stdout.write(command === 'churn' ? 'churned\n' : 'queued\n');
}
for (const holder of holders) holder.kill('SIGKILL');
process.exit();
