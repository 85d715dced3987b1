/**
 * A process that opens and closes TCP connections for as long as it is told to, and tells of every one what it really did.
 *
 *   oracle.mjs NAME SEED ADDRESS...   NAME becomes its comm; it accepts on a port of each ADDRESS, given by the kernel
 *
 * In, as JSON lines:
 *   {"op":"dial","targets":[{"ip","port"}],"perSecond":N,"livesMs":[N...]}   opens connections from now on
 *   {"op":"rest"}                       opens no more; those that are there live their lives
 *   {"op":"probe","target":{...}}       one more, which stays; answered by its `opened`, with "probe": true
 * Out, the same way:
 *   {"event":"ready","pid","process","listening":[{"ip","port"}]}
 *   {"event":"opened"|"closed","side":"client"|"server","client":{"ip","port"},"server":{"ip","port"},"atMs","probe"?}
 *   {"event":"failed","why"}            a connection that could not be opened
 *
 * Pids are as the /proc that is mounted here shows them. It ends with its stdin.
 */
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';

const [name, seed, ...addresses] = process.argv.slice(2);
process.title = name;
const pid = Number(readlinkSync('/proc/self'));
const comm = readFileSync('/proc/self/comm', 'utf8').trimEnd();

/** Of the connections that are closed by this side, one in so many is reset, so that no TIME_WAIT stays of it. */
const resetOneIn = 8;

let dialing = null;
let random = Number(seed) >>> 0;

/** 0 <= random < 1, the same ones for the same seed (a linear congruential generator). */
function draw() {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  return random / 2 ** 32;
}

function pick(list) {
  return list[Math.floor(draw() * list.length)];
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** @param more what else the line about its opening says */
function tell(side, connection, more = {}) {
  const own = { ip: connection.localAddress, port: connection.localPort };
  const far = { ip: connection.remoteAddress, port: connection.remotePort };
  const [client, server] = side === 'client' ? [own, far] : [far, own];
  say({ event: 'opened', side, client, server, atMs: Date.now(), ...more });
  connection.resume();
  connection.on('close', () => say({ event: 'closed', side, client, server, atMs: Date.now() }));
}

async function listen(host) {
  const server = net.createServer((connection) => {
    connection.on('error', () => {});
    // Whoever reset it at once left no address behind; the other side tells of it.
    if (connection.remoteAddress !== undefined) tell('server', connection);
  });
  server.listen({ host, port: 0, backlog: 1024 });
  await once(server, 'listening');
  return { ip: host, port: server.address().port };
}

function open(target, lifeMs, more) {
  const connection = net.connect({ host: target.ip, port: target.port });
  let isOpen = false;
  connection.on('error', ({ message }) => {
    if (!isOpen) say({ event: 'failed', why: message });
  });
  connection.on('connect', () => {
    isOpen = true;
    tell('client', connection, more);
    if (lifeMs === null) return;
    setTimeout(() => (draw() * resetOneIn < 1 ? connection.resetAndDestroy() : connection.end()), lifeMs);
  });
}

function dialNext() {
  if (dialing === null) return;
  open(pick(dialing.targets), pick(dialing.livesMs) * (0.5 + draw()));
  setTimeout(dialNext, (2 * draw() * 1000) / dialing.perSecond);
}

const operations = {
  dial(what) {
    const isNew = dialing === null;
    dialing = what;
    if (isNew) dialNext();
  },
  rest() {
    dialing = null;
  },
  probe({ target }) {
    open(target, null, { probe: true });
  },
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { op, ...what } = JSON.parse(line);
    operations[op](what);
  })
  .on('close', () => process.exit());

const listening = await Promise.all(addresses.map(listen));
say({ event: 'ready', pid, process: comm, listening });
