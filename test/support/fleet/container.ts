/** A container of a host: a network and processes of its own, and a cable to the host. */
import type { Namespace } from './namespace.ts';
import { Peer } from './peer.ts';
import type { Place } from './place.ts';

export class Container implements Place {
  readonly host: string;
  /** The host's end of its cable. */
  readonly device: string;
  readonly #namespace: Namespace;

  constructor(host: string, namespace: Namespace, device: string) {
    this.host = host;
    this.device = device;
    this.#namespace = namespace;
  }

  start(name: string, executable?: string): Promise<Peer> {
    return Peer.start(this.host, this.#namespace, name, executable);
  }

  /** Commands of `ip` in its network. */
  ip(lines: readonly string[]): Promise<void> {
    return this.#namespace.ip(lines);
  }

  /** Rules of nftables in its network, as a file has them. */
  async nft(rules: string): Promise<void> {
    await this.#namespace.run(['nft', '-f', '-'], rules);
  }
}
