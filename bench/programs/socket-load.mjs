/**
 * Many processes with many established TCP sockets on loopback, cheaply: this process connects, hands the descriptors
 * to `sleep` processes and closes its own. Prints `ready` and holds them until its stdin ends.
 *
 *   socket-load.mjs PROCESSES SOCKETS_PER_PROCESS
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';

const [processes, socketsPerProcess] = process.argv.slice(2).map(Number);

const accepted = [];
const server = net.createServer((socket) => accepted.push(socket));
server.listen({ host: '127.0.0.1', port: 8743, backlog: 4096 });
await once(server, 'listening');

async function connectOne() {
  const socket = net.connect({ host: '127.0.0.1', port: 8743 });
  await once(socket, 'connect');
  return socket;
}

/** Starts a process that holds `sockets` and nothing else of ours. */
async function hold(sockets) {
  const holder = spawn('sleep', ['infinity'], {
    stdio: ['ignore', 'ignore', 'ignore', ...sockets.map(({ _handle }) => _handle.fd)],
  });
  await once(holder, 'spawn');
  return holder;
}

const holders = [];
for (let pair = 0; pair < processes / 2; pair++) {
  const clients = await Promise.all(Array.from({ length: socketsPerProcess }, connectOne));
  while (accepted.length < socketsPerProcess) await new Promise(setImmediate);
  const servers = accepted.splice(0);
  holders.push(await hold(clients), await hold(servers));
  for (const socket of [...clients, ...servers]) socket.destroy();
}
process.stdout.write('ready\n');
process.stdin.resume().on('end', () => {
  for (const holder of holders) holder.kill();
  process.exit();
});
