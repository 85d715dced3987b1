/**
 * Many processes with many established TCP sockets on loopback, some of which are replaced by new ones on request. This
 * process connects, hands the descriptors to shells and closes its own. Prints `ready` and holds them until its stdin
 * ends. A line `COUNT HOLDERS` on stdin lets that many shells close COUNT connections together and open as many new
 * ones; `churned` is printed when they are there. The new server ends stay with this process.
 *
 *   churning-load.mjs PROCESSES SOCKETS_PER_PROCESS
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';

const [processes, socketsPerProcess] = process.argv.slice(2).map(Number);
const endpoint = { host: '127.0.0.1', port: 8743 };

const accepted = [];
const kept = [];
const server = net.createServer((socket) => accepted.push(socket));
server.listen({ ...endpoint, backlog: 4096 });
await once(server, 'listening');

/** A shell that holds descriptors from 3 on. A number on its stdin replaces that many of them, oldest first. */
const holderScript = `
  fds=("$@")
  while read -r count; do
    for ((i = 0; i < count; i++)); do
      old=\${fds[0]}
      exec {old}<&-
      exec {new}<>/dev/tcp/${endpoint.host}/${endpoint.port}
      fds=("\${fds[@]:1}" "$new")
    done
    echo done
  done`;

async function connectOne() {
  const socket = net.connect(endpoint);
  await once(socket, 'connect');
  return socket;
}

/** Starts a process that holds \`sockets\` and nothing else of ours. */
async function hold(sockets) {
  const fds = sockets.map((_, i) => String(i + 3));
  const holder = spawn('bash', ['-c', holderScript, 'holder', ...fds], {
    stdio: ['pipe', 'pipe', 'inherit', ...sockets.map(({ _handle }) => _handle.fd)],
  });
  await once(holder, 'spawn');
  return holder;
}

async function takeAccepted(count) {
  while (accepted.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
  return accepted.splice(0, count);
}

const clients = [];
const holders = [];
for (let pair = 0; pair < processes / 2; pair++) {
  const dialed = await Promise.all(Array.from({ length: socketsPerProcess }, connectOne));
  const taken = await takeAccepted(socketsPerProcess);
  const client = await hold(dialed);
  clients.push(client);
  holders.push(client, await hold(taken));
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

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [count, among] = line.split(' ').map(Number);
  await churn(count, among);
  process.stdout.write('churned\n');
}
for (const holder of holders) holder.kill();
process.exit();
