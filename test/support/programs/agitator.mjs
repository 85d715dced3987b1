/**
 * A process whose sockets change as they are told to: on each line `SEED CHANGES KIND...` of stdin it makes that many changes,
 * each of a random one of its places, and answers `done`. The place keeps its fd, and mostly gets what the kernel has just
 * freed: it is closed, and the next one is made at once.
 */
import { createInterface } from 'node:readline';
import koffi from 'koffi';

const library = koffi.load(null);
const declare = (text) => library.func(text);
const socket = declare('int socket(int, int, int)');
const bind = declare('int bind(int, void *, uint32_t)');
const listen = declare('int listen(int, int)');
const connect = declare('int connect(int, void *, uint32_t)');
const accept = declare('int accept(int, void *, void *)');
const shutdown = declare('int shutdown(int, int)');
const close = declare('int close(int)');
const dup2 = declare('int dup2(int, int)');
const open = declare('int open(const char *, int)');
const setsockopt = declare('int setsockopt(int, int, int, void *, uint32_t)');
const getsockname = declare('int getsockname(int, void *, void *)');

const [unix, inet] = [1, 2];
const [stream, datagram, nonBlocking] = [1, 2, 0o4000];
const readWrite = 2;
const solSocket = 1;
const soLinger = 13;
const placesMax = 40;
const firstPlace = 200;
/** How long a busy machine may take to let a connection be accepted. */
const patienceMs = 10_000;

function address(family, port) {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(family, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set([127, 0, 0, 1], 4);
  return bytes;
}

function portOf(fd) {
  const [name, length] = [Buffer.alloc(16), Buffer.alloc(4)];
  length.writeUInt32LE(16);
  getsockname(fd, name, length);
  return name.readUInt16BE(2);
}

const bound = (type) => {
  const fd = socket(inet, type, 0);
  bind(fd, address(inet, 0), 16);
  return fd;
};
const listening = (flags = 0) => {
  const fd = bound(stream | flags);
  listen(fd, 64);
  return fd;
};
const connected = (type, port) => {
  const fd = socket(inet, type, 0);
  connect(fd, address(inet, port), 16);
  return fd;
};

const listener = listening(nonBlocking);
const listenerPort = portOf(listener);
/** Its connections wait to be accepted. */
const queue = listening(nonBlocking);
/** Made when it is needed: a process with UDP is another case. */
let sink = null;
/** By place: the other end of its connection. */
const peers = new Map();
/** Those that were made since the last place was filled. */
const unplaced = [];

function sinkPort() {
  sink ??= portOf(bound(datagram));
  return sink;
}

function acceptAll() {
  for (let fd = accept(listener, null, null); fd >= 0; fd = accept(listener, null, null)) unplaced.push(fd);
}

/** Somebody has connected, which may be so a moment before it can be accepted. */
function acceptOne() {
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline; ) {
    const fd = accept(listener, null, null);
    if (fd >= 0) return fd;
  }
  throw new Error('nobody was accepted');
}

function dial() {
  const fd = connected(stream, listenerPort);
  unplaced.push(acceptOne());
  acceptAll();
  return fd;
}

function reset(fd) {
  setsockopt(fd, solSocket, soLinger, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), 8);
  close(fd);
}

/** What a place may get; `fd` is what it has. */
const kinds = {
  file: () => open('/dev/null', readWrite),
  unix: () => socket(unix, stream, 0),
  listening: () => listening(),
  dialed: dial,
  accepted: acceptOne,
  'from the queue': () => accept(queue, null, null),
  'half-closed': () => {
    const fd = dial();
    shutdown(fd, 1);
    return fd;
  },
  'closed by the peer': () => {
    const fd = dial();
    close(unplaced.pop());
    return fd;
  },
  'reset by the peer': () => {
    const fd = dial();
    reset(unplaced.pop());
    return fd;
  },
  disconnected: () => {
    const fd = dial();
    connect(fd, address(0, 0), 16);
    return fd;
  },
  unconnected: () => bound(stream),
  'udp, bound': () => bound(datagram),
  'udp, connected': () => connected(datagram, sinkPort()),
};

/** What is done before the place is closed, so that nothing else gets what is freed. */
const preparations = { accepted: () => unplaced.push(connected(stream, listenerPort)) };

/** What changes while the fd and its file stay. */
const changes = {
  'shut down': (fd) => shutdown(fd, 1),
  'left by a peer': (place) => withPeer(place, (peer) => shutdown(peer, 1)),
  queued: () => connected(stream, portOf(queue)),
  'reset by a peer': (place) =>
    withPeer(place, (peer, at) => {
      reset(peer);
      peers.delete(at);
    }),
  reconnected: (fd) => {
    connect(fd, address(0, 0), 16);
    connect(fd, address(inet, fd % 2 === 0 ? sinkPort() : listenerPort), 16);
    acceptAll();
  },
  'turned into a listener': (fd) => listen(fd, 8),
};

/** Uses the peer of that place, or of the next one that has one. */
function withPeer(place, end) {
  for (let i = 0; i < placesMax; i++) {
    const at = firstPlace + ((place - firstPlace + i) % placesMax);
    if (!peers.has(at)) continue;
    end(peers.get(at), at);
    return;
  }
}

/** The old peer goes when the new socket is there. */
function placePeer(place) {
  if (peers.has(place)) close(peers.get(place));
  peers.delete(place);
  const peer = unplaced.pop();
  if (peer !== undefined) peers.set(place, peer);
  for (const fd of unplaced.splice(0)) close(fd);
}

/** Numerical Recipes' generator: the same changes for the same seed. */
function randomOf(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function change(random, names) {
  const place = firstPlace + random(placesMax);
  const name = names[random(names.length)];
  if (name in changes) {
    changes[name](place);
    return;
  }
  preparations[name]?.();
  close(place);
  const fd = kinds[name]();
  if (fd >= 0 && fd !== place) {
    dup2(fd, place);
    close(fd);
  }
  // Else nothing but the place changes.
  if (name !== 'from the queue') placePeer(place);
}

for (let place = firstPlace; place < firstPlace + placesMax; place++) dup2(kinds.file(), place);
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [seed, count, ...names] = line.split(' ').map((word) => word.replaceAll('_', ' '));
  const random = randomOf(Number(seed));
  for (let i = 0; i < Number(count); i++) change(random, names);
  console.log('done');
}
