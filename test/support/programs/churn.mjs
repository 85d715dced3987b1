/**
 * A process whose sockets never rest: connections of IPv4 and IPv6 that open and close, UDP, half-closed ones, files in
 * between, MPTCP, sockets that children inherit and a worker is handed; besides some that stay. Prints the inode of its network
 * namespace once the steady ones stand, and churns until its stdin ends.
 *
 *   churn.mjs SEED
 */
import { fork, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { mptcpSteps } from './churning-mptcp.mjs';

const steadyConnections = 20;
const churningMax = 60;
const stepEveryMs = 10;

/** A worker keeps what it is handed for a while. */
if (process.argv[2] === 'worker') {
  const kept = [];
  process.on('message', (_, socket) => {
    kept.push(socket);
    if (kept.length > 10) kept.shift()?.destroy();
  });
  process.on('disconnect', () => process.exit());
} else {
  await main(Number(process.argv[2]));
}

async function main(seed) {
  const random = generator(seed);
  const worker = fork(fileURLToPath(import.meta.url), ['worker'], { stdio: 'ignore' });
  const open = [];
  const accepted = [];
  const servers = [];
  for (const host of ['127.0.0.1', '::1', '::']) {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => accepted.push(quiet(socket)));
    server.listen(0, host);
    await once(server, 'listening');
    servers.push({ port: server.address().port, host: host === '::' ? '127.0.0.1' : host });
  }
  const pick = (list) => list[Math.floor(random() * list.length)];
  const take = (list) => list.splice(Math.floor(random() * list.length), 1)[0];
  const connect = () => quiet(net.connect({ ...pick(servers), allowHalfOpen: true }));
  const steady = Array.from({ length: steadyConnections }, connect);
  for (const socket of steady) if (socket.connecting) await once(socket, 'connect');
  while (accepted.length < steadyConnections) await new Promise(setImmediate);
  // Both ends stay for good.
  accepted.length = 0;

  const steps = {
    connect: () => open.push(connect()),
    close: () => take(open)?.destroy(),
    closeAccepted: () => take(accepted)?.destroy(),
    halfClose: () => pick(accepted)?.end(),
    reset: () => take(accepted)?.resetAndDestroy(),
    bind: () => open.push(boundSocket(random() < 0.5 ? 'udp4' : 'udp6')),
    file: () => {
      const fd = openSync('/dev/null', 'r');
      setTimeout(() => closeSync(fd), 20);
    },
    inherit: () => {
      const { fd } = pick(open)?._handle ?? { fd: -1 };
      const inherited = fd >= 0 ? [fd] : [];
      spawn('sleep', ['1'], { stdio: ['ignore', 'ignore', 'ignore', ...inherited] });
    },
    handOver: () => {
      const socket = take(accepted);
      // Its own end closes once the worker has it.
      if (socket?._handle != null) worker.send('take', socket, { keepOpen: false }, () => {});
    },
    ...mptcpSteps('10.77.0.1', 17000, pick),
  };
  const weights = ['connect', 'connect', 'connect', ...Object.keys(steps)];
  setInterval(() => {
    steps[pick(weights)]();
    while (open.length > churningMax) take(open).destroy();
    while (accepted.length > churningMax) take(accepted).destroy();
  }, stepEveryMs);
  process.stdout.write(`${statSync('/proc/self/ns/net').ino}\n`);
  createInterface({ input: process.stdin }).on('close', () => process.exit());
}

function quiet(socket) {
  return socket.on('error', () => {}).resume();
}

/** Like a connection, as far as the steps go. */
function boundSocket(type) {
  const socket = dgram.createSocket(type).on('error', () => {});
  socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1');
  let isOpen = true;
  return {
    destroy() {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}

/** Uniform in [0, 1), the same for equal seeds (mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
