/**
 * Ports of loopback for servers that a test starts later, or a second time. The kernel gives none of them to whoever asks
 * for any port, so that meanwhile none is the near end of somebody's connection, nor of one to itself.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

/** Below those that Linux chooses from, see net.ipv4.ip_local_port_range. */
const first = 20_000;
const count = 10_000;

/** What this process took so far. Where it begins is chance, so that servers of an earlier run are seldom met. */
const taken = { next: randomInt(count) };

/** A port of 127.0.0.1 that nothing listens on. Each is given once. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < count; tried++) {
    const port = first + (taken.next++ % count);
    if (await isFree(port)) return port;
  }
  throw new Error(`127.0.0.1 has no free port from ${first} to ${first + count - 1}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
