/**
 * Connections as fast as the kernel makes them: system calls through koffi, one after the other, without an event loop.
 *
 *   connection-storm.mjs serve PORT     accepts, reads to the end, closes. Prints `ready PID`; ends with its stdin or SIGKILL
 *   connection-storm.mjs dial PORT      prints `ready PID`. A line `COUNT RATE` on stdin makes COUNT connections to the
 *                                       port, each with 64 bytes, RATE of them per second at most (0 = as fast as it
 *                                       goes); prints `done MILLISECONDS FAILURES`
 *
 * PID is as the /proc that is mounted here shows it. Addresses 127.100.0.1 to .16 are dialed in turn, so that there are
 * ports enough for all that the kernel keeps in TIME_WAIT.
 */
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import koffi from 'koffi';

const library = koffi.load(null);
const socket = library.func('int socket(int, int, int)');
const bind = library.func('int bind(int, const void *, uint32_t)');
const listen = library.func('int listen(int, int)');
const accept = library.func('int accept(int, void *, void *)');
const connect = library.func('int connect(int, const void *, uint32_t)');
const send = library.func('intptr_t send(int, const void *, size_t, int)');
const recv = library.func('intptr_t recv(int, void *, size_t, int)');
const close = library.func('int close(int)');
const usleep = library.func('int usleep(uint32_t)');

const [inet, stream] = [2, 1];
const [role, port] = [process.argv[2], Number(process.argv[3])];
const payload = Buffer.alloc(64, 'x');

/** struct sockaddr_in: u16 family, be16 port, be32 address. */
function addressOf(ip) {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(inet, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ip, 4);
  return bytes;
}

function serve() {
  const listener = socket(inet, stream, 0);
  if (bind(listener, addressOf([0, 0, 0, 0]), 16) !== 0 || listen(listener, 4096) !== 0) {
    throw new Error(`cannot listen on ${port}: errno ${koffi.errno()}`);
  }
  console.log(`ready ${readlinkSync('/proc/self')}`);
  const bytes = Buffer.alloc(4096);
  for (;;) {
    const connection = accept(listener, null, null);
    if (connection < 0) continue;
    while (recv(connection, bytes, bytes.length, 0) > 0);
    close(connection);
  }
}

function storm(count, rate) {
  const targets = Array.from({ length: 16 }, (_, i) => addressOf([127, 100, 0, i + 1]));
  const begunMs = performance.now();
  let failures = 0;
  for (let i = 0; i < count; i++) {
    const aheadMs = rate === 0 ? 0 : (i / rate) * 1000 - (performance.now() - begunMs);
    if (aheadMs > 1) usleep(aheadMs * 1000);
    const connection = socket(inet, stream, 0);
    if (connect(connection, targets[i % targets.length], 16) === 0)
      send(connection, payload, payload.length, 0);
    else failures++;
    close(connection);
  }
  return `done ${(performance.now() - begunMs).toFixed(0)} ${failures}`;
}

async function dial() {
  // Of this network alone.
  const range = '/proc/sys/net/ipv4/ip_local_port_range';
  if (readFileSync(range, 'utf8').startsWith('32768')) writeFileSync(range, '1024 65000');
  console.log(`ready ${readlinkSync('/proc/self')}`);
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(storm(...line.split(' ').map(Number)));
  }
}

if (role === 'serve') serve();
else await dial();
