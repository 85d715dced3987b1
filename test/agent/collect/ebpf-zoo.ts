/** A process with sockets of every kind, and a few that share them: what the rungs are compared on. */

/**
 * JavaScript for ChildNode; prints the port of the shared listener when everything stands. It holds TCP listeners and connections of IPv4, IPv6 and
 * both, half-closed ones, UDP with and without a peer, MPTCP where the kernel has it; heirs that inherit a listener
 * under other fds; a connection that nobody accepts, and one in TIME_WAIT.
 */
export const zoo = `
const net = require('node:net');
const dgram = require('node:dgram');
const { once } = require('node:events');
const { spawn } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const koffi = require('koffi');
const library = koffi.load(null);
const socket = library.func('int socket(int, int, int)');
const bind = library.func('int bind(int, void *, uint32_t)');
const listenOn = library.func('int listen(int, int)');
const connectTo = library.func('int connect(int, void *, uint32_t)');
const closeFd = library.func('int close(int)');
const accept = library.func('int accept(int, void *, void *)');
const address = (port) => Buffer.from([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
const kept = [];
const listen = async (host) => {
  const server = net.createServer({ allowHalfOpen: true }, (one) => kept.push(one)).listen(0, host);
  await once(server, 'listening');
  return server;
};
const dial = async (port, host) => {
  const client = net.connect({ port, host, allowHalfOpen: true });
  kept.push(client);
  await once(client, 'connect');
  return client;
};
(async () => {
  const servers = [await listen('127.0.0.1'), await listen('::'), await listen('::1')];
  const [four, both, six] = servers.map((server) => server.address().port);
  for (let i = 0; i < 3; i++) await dial(four, '127.0.0.1');
  await dial(both, '127.0.0.1');
  await dial(both, '::1');
  await dial(six, '::1');
  (await dial(four, '127.0.0.1')).end();
  for (const [type, host] of [['udp4', '0.0.0.0'], ['udp4', '127.0.0.1'], ['udp6', '::'], ['udp6', '::1']]) {
    const bound = dgram.createSocket(type).bind(0, host);
    await once(bound, 'listening');
    kept.push(bound);
    const paired = dgram.createSocket(type);
    paired.connect(bound.address().port, type === 'udp4' ? '127.0.0.1' : '::1');
    await once(paired, 'connect');
    kept.push(paired);
  }
  const mptcp = socket(2, 1, 262);
  if (mptcp >= 0) {
    bind(mptcp, address(18262), 16);
    listenOn(mptcp, 8);
    connectTo(socket(2, 1, 262), address(18262), 16);
    accept(mptcp, null, null);
  }
  const idle = socket(2, 1, 0);
  bind(idle, address(18263), 16);
  listenOn(idle, 8);
  connectTo(socket(2, 1, 0), address(18263), 16);
  const over = socket(2, 1, 0);
  bind(over, address(18264), 16);
  listenOn(over, 8);
  const dialed = socket(2, 1, 0);
  connectTo(dialed, address(18264), 16);
  const accepted = accept(over, null, null);
  closeFd(dialed);
  closeFd(accepted);
  const fd = servers[0]._handle.fd;
  const heirs = [[fd], [fd, fd], ['ignore', fd]].map((fds) =>
    spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore', ...fds] }),
  );
  await Promise.all(heirs.map((heir) => once(heir, 'spawn')));
  console.log(four);
  setInterval(() => {}, 1e6);
})();
`;
