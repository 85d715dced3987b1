/**
 * A process with sockets, as a test wants them. Obeys JSON lines on stdin and tells on stdout what it really holds.
 *
 *   peer.mjs NAME [--listener FD]   NAME becomes its comm; FD is an inherited listener that it accepts from
 *
 * In:  {id, op, ...arguments}, or the same with `pid` for one of its workers.
 * Out: {id, result} or {id, error}, and {event: 'ready' | 'accepted', ...}.
 * Sockets are told as {socket, fd, pid, process, local: {ip, port}, remote: {ip, port} | null}.
 */
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { openSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [name, ...options] = process.argv.slice(2);
// comm is what the kernel keeps of the title. Without this newer releases of Node.js call their main thread otherwise.
process.title = name;
/** As the /proc that is mounted here shows it, which is the host's also inside a container. */
const pid = Number(readlinkSync('/proc/self'));
const comm = readFileSync('/proc/self/comm', 'utf8').trimEnd();

const sockets = new Map();
const workers = new Map();
let lastSocket = 0;

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function remember(socket, local, remote) {
  const number = ++lastSocket;
  sockets.set(number, socket);
  socket.on('error', () => {});
  return { socket: number, fd: socket._handle.fd, pid, process: comm, local, remote };
}

function tellAccepted(connection) {
  // Reading is what notices the other side's end; half-open sockets stay as the test leaves them.
  connection.resume();
  const local = { ip: connection.localAddress, port: connection.localPort };
  const remote = { ip: connection.remoteAddress, port: connection.remotePort };
  say({ event: 'accepted', ...remember(connection, local, remote) });
}

async function listen(where) {
  const server = net.createServer({ allowHalfOpen: true }, tellAccepted);
  server.listen({ backlog: 1024, ...where });
  await once(server, 'listening');
  const { address, port } = server.address();
  return remember(server, { ip: address, port }, null);
}

async function connect(where) {
  const connection = net.connect({ allowHalfOpen: true, ...where });
  await once(connection, 'connect');
  connection.resume();
  const local = { ip: connection.localAddress, port: connection.localPort };
  return remember(connection, local, { ip: connection.remoteAddress, port: connection.remotePort });
}

/** A UDP socket, with a peer when `remote` is given. With `answers` it sends back whatever it gets. */
async function udp({ type = 'udp4', host, port, remote, answers = false }) {
  const socket = dgram.createSocket(type);
  if (answers) socket.on('message', (text, from) => socket.send(text, from.port, from.address));
  socket.bind({ address: host, port });
  await once(socket, 'listening');
  if (remote !== undefined) {
    socket.connect(remote.port, remote.ip);
    await once(socket, 'connect');
  }
  const { address, port: localPort } = socket.address();
  const told = remember(socket, { ip: address, port: localPort }, remote ?? null);
  // dgram hides its handle behind a symbol; the descriptor is reached through the state object it keeps.
  return { ...told, fd: dgramFd(socket) };
}

function dgramFd(socket) {
  const state = Object.getOwnPropertySymbols(socket).find(
    (symbol) => String(symbol) === 'Symbol(state symbol)',
  );
  return socket[state].handle.fd;
}

/** Forks workers that accept from the same listener, as a prefork server does. */
async function prefork({ socket, workers: count }) {
  const { fd } = sockets.get(socket)._handle;
  const started = Array.from({ length: count }, () => startWorker(fd));
  return Promise.all(started);
}

async function startWorker(listenerFd) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), name, '--listener', '3'], {
    stdio: ['pipe', 'pipe', 'inherit', listenerFd],
  });
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      const message = JSON.parse(line);
      if (message.event === 'ready') {
        workers.set(message.pid, child);
        resolve(message.pid);
      } else say(message);
    });
  });
}

/** A further process that holds the same socket under its descriptor 3. */
async function share({ socket }) {
  const { fd } = sockets.get(socket)._handle;
  const child = spawn('sleep', ['infinity'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  await once(child, 'spawn');
  return child.pid;
}

/** Takes every free descriptor below `fd`, so that the next socket gets that number. */
function fillDescriptors({ below }) {
  while (openSync('/dev/null') < below - 1);
  return null;
}

async function close({ socket }) {
  const closing = sockets.get(socket);
  sockets.delete(socket);
  if (closing instanceof net.Socket) {
    // The other side may keep its half open for as long as it likes.
    closing.end();
    return null;
  }
  const closed = once(closing, 'close');
  closing.close();
  await closed;
  return null;
}

/** Ends a connection at once, with a reset. */
async function reset({ socket }) {
  const closing = sockets.get(socket);
  sockets.delete(socket);
  closing.resetAndDestroy();
  return null;
}

async function send({ socket, text, to }) {
  const sending = sockets.get(socket);
  await new Promise((resolve) =>
    sending instanceof net.Socket
      ? sending.write(text, resolve)
      : sending.send(text, ...(to === undefined ? [] : [to.port, to.ip]), resolve),
  );
  return null;
}

const operations = { listen, connect, udp, prefork, share, fillDescriptors, close, reset, send };

async function obey(line) {
  const { id, op, ...args } = JSON.parse(line);
  const worker = workers.get(args.pid);
  if (worker !== undefined) {
    worker.stdin.write(`${line}\n`);
    return;
  }
  try {
    say({ id, result: await operations[op](args) });
  } catch (error) {
    say({ id, error: error.message });
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => void obey(line))
  .on('close', () => process.exit());

if (options[0] === '--listener') await listen({ fd: Number(options[1]) });
say({ event: 'ready', pid, process: comm });
