/**
 * A TCP proxy that can do harm on its way.
 *
 *   fault-proxy.mjs LISTEN_IP TARGET_IP TARGET_PORT SEED     prints `ready PORT`
 *
 * In: one JSON line per change of what it does, each answered by `ok`; it holds for connections that are there as for new ones.
 *   {"mode":"pass"}
 *   {"mode":"delay","ms","jitterMs"}     every chunk waits, in order
 *   {"mode":"stall"}                     nothing goes on, nothing ends
 *   {"mode":"truncate","bytesMax"}       each connection is cut after so many bytes at most, somewhere in a message
 *   {"mode":"corrupt","everyBytes","where":"headers"|"anywhere"}   one bit in so many bytes is flipped: of HTTP/2's frame
 *                                        headers, which nothing but HTTP/2 itself protects, or of whatever comes
 *   {"mode":"slow","bytesPerSecond"}     what clients send is read that slowly
 * It ends with its stdin.
 */
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [listenIp, targetIp, targetPort, seed] = process.argv.slice(2);

/** Of the client's side, before its first frame: RFC 9113, 3.4. */
const prefaceBytes = 24;
/** Length (3), type, flags, stream (4): RFC 9113, 4.1. */
const headerBytes = 9;

/** What is sent slowly goes in so many pieces. */
const slicesPerSecond = 10;

let doing = { mode: 'pass' };
let changed = new AbortController();
let random = Number(seed) >>> 0;

/** 0 <= random < 1, the same ones for the same seed. */
function draw() {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  return random / 2 ** 32;
}

function flipOneBit(bytes, at) {
  bytes[at] ^= 1 << Math.floor(draw() * 8);
}

/** One direction of a connection: where its frames begin, and where bits are flipped. */
class Corruption {
  /** Positions count the bytes of the direction from its beginning. */
  #nextHeader;
  #position = 0;
  #nextFlip = 0;
  /** Bytes of the length of the frame whose header is being read. */
  #length = [];

  constructor(isFromClient) {
    this.#nextHeader = isFromClient ? prefaceBytes : 0;
  }

  /** Keeps track of frames in any mode; flips bits of `bytes` where that is asked for. */
  pass(bytes) {
    const { mode, everyBytes, where } = doing;
    if (mode !== 'corrupt') this.#nextFlip = 0;
    else if (this.#nextFlip === 0) this.#nextFlip = this.#position + Math.floor(draw() * 2 * everyBytes) + 1;
    for (let i = 0; i < bytes.length; i++, this.#position++) {
      const inHeader = this.#position - this.#nextHeader;
      const isHeader = inHeader >= 0 && inHeader < headerBytes;
      if (inHeader >= 0 && inHeader < 3) this.#length.push(bytes[i]);
      if (mode === 'corrupt' && this.#position >= this.#nextFlip && (where === 'anywhere' || isHeader)) {
        flipOneBit(bytes, i);
        this.#nextFlip = this.#position + Math.floor(draw() * 2 * everyBytes) + 1;
      }
      if (inHeader === headerBytes - 1) {
        const [a, b, c] = this.#length.splice(0);
        this.#nextHeader += headerBytes + (a << 16) + (b << 8) + c;
      }
    }
  }
}

/** Until something else is done. */
async function stalled() {
  while (doing.mode === 'stall') await once(changed.signal, 'abort');
}

/** Waits for room; throws when there will be none any more. */
async function write(target, bytes) {
  if (!target.write(bytes)) {
    await new Promise((resolve) => {
      target.once('drain', resolve);
      target.once('close', resolve);
    });
  }
  if (target.destroyed) throw new Error('gone');
}

/** So many bytes a second, for as long as that is asked for. @returns how many are sent */
async function writeSlowly(target, bytes) {
  let sent = 0;
  while (doing.mode === 'slow' && sent < bytes.length) {
    const slice = Math.ceil(doing.bytesPerSecond / slicesPerSecond);
    await write(target, bytes.subarray(sent, sent + slice));
    sent += slice;
    await sleep(1000 / slicesPerSecond, undefined, { signal: changed.signal }).catch(() => {});
  }
  return Math.min(sent, bytes.length);
}

async function carry(source, target, isFromClient) {
  const corruption = new Corruption(isFromClient);
  /** Bytes that go on before it is cut; null = it is not. */
  let cutAfter = null;
  try {
    for await (const bytes of source) {
      await stalled();
      corruption.pass(bytes);
      if (doing.mode === 'delay') await sleep(doing.ms + draw() * doing.jitterMs);
      cutAfter = doing.mode === 'truncate' ? (cutAfter ?? Math.floor(draw() * doing.bytesMax)) : null;
      if (cutAfter !== null && cutAfter < bytes.length) {
        await write(target, bytes.subarray(0, cutAfter));
        throw new Error('cut');
      }
      if (cutAfter !== null) cutAfter -= bytes.length;
      const sent = isFromClient ? await writeSlowly(target, bytes) : 0;
      if (sent < bytes.length) await write(target, bytes.subarray(sent));
    }
    await stalled();
    target.end();
  } catch {
    await stalled();
    source.destroy();
    target.destroy();
  }
}

const server = net.createServer((client) => {
  const far = net.connect({ host: targetIp, port: Number(targetPort) });
  for (const socket of [client, far]) socket.on('error', () => {});
  void carry(client, far, true);
  void carry(far, client, false);
});
server.listen({ host: listenIp, port: 0 });
await once(server, 'listening');
console.log(`ready ${server.address().port}`);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    doing = JSON.parse(line);
    const before = changed;
    changed = new AbortController();
    before.abort();
    console.log('ok');
  })
  .on('close', () => process.exit());
