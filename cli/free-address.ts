/** A default port that is taken gives way to the next free one. */
import { createServer } from 'node:net';
import { formatHostPort, parseHostPort } from '../wire/host-port.ts';

/** How many ports are tried, the first included. */
export const portsTried = 20;

/** The address, or the next one up with a free port; the address itself when none of portsTried is free. */
export async function freeAddress(address: string): Promise<string> {
  const { host, port } = parseHostPort(address);
  for (let candidate = port; candidate < port + portsTried; candidate++) {
    if (await isFree(host, candidate)) return formatHostPort({ host, port: candidate });
  }
  return address;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
