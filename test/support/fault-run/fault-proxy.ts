/** The proxy between agents and aggregator (programs/fault-proxy.mjs), as faults speak to it. */
import { fileURLToPath } from 'node:url';
import { Inhabitant } from '../faults/place.ts';
import type { Host } from '../fleet/host.ts';
import { grpcPort } from '../fleet/whotalks.ts';

const program = fileURLToPath(new URL('../programs/fault-proxy.mjs', import.meta.url));

/** What it does to connections that are there and to new ones. */
export type ProxyMode =
  | { readonly mode: 'pass' | 'stall' }
  | { readonly mode: 'delay'; readonly ms: number; readonly jitterMs: number }
  | { readonly mode: 'truncate'; readonly bytesMax: number }
  | { readonly mode: 'corrupt'; readonly everyBytes: number; readonly where: 'headers' | 'anywhere' }
  | { readonly mode: 'slow'; readonly bytesPerSecond: number };

export class FaultProxy {
  /** HOST:PORT, for agents. */
  readonly address: string;
  readonly #program: Inhabitant;

  private constructor(program: Inhabitant, address: string) {
    this.#program = program;
    this.address = address;
  }

  /** @param ip of the aggregator, which is on the same host */
  static async start(host: Host, ip: string, seed: number): Promise<FaultProxy> {
    const argv = [process.execPath, program, ip, ip, String(grpcPort), String(seed)];
    const inhabitant = new Inhabitant(host.namespace.spawn(argv));
    const port = (await inhabitant.line()).split(' ')[1];
    return new FaultProxy(inhabitant, `${ip}:${port}`);
  }

  async does(mode: ProxyMode): Promise<void> {
    this.#program.tell(JSON.stringify(mode));
    await this.#program.line();
  }
}
