/** The test's side of programs/peer.mjs: a real process in a host that opens real sockets and tells what it holds. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Endpoint, formatEndpoint, sameEndpoint } from '../../../model/endpoint.ts';
import { parseIp } from '../../../model/ip.ts';
import { until } from '../until.ts';
import type { Namespace } from './namespace.ts';

export const peerProgram = fileURLToPath(new URL('../programs/peer.mjs', import.meta.url));

/** A socket as the process that opened it knows it. Addresses are canonical, so a mapped one is IPv4. */
export interface HeldSocket {
  readonly host: string;
  /** The peer's own number for it. */
  readonly socket: number;
  readonly fd: number;
  /** As the host's own /proc shows it. */
  readonly pid: number;
  readonly process: string;
  readonly local: Endpoint;
  readonly remote: Endpoint | null;
}

type RawEndpoint = { readonly ip: string; readonly port: number };
type RawSocket = Omit<HeldSocket, 'host' | 'local' | 'remote'> & {
  local: RawEndpoint;
  remote: RawEndpoint | null;
};
type Message = RawSocket & { id?: number; event?: string; result?: unknown; error?: string };

export interface UdpPlace {
  readonly type?: 'udp4' | 'udp6';
  readonly host: string;
  readonly port?: number;
  readonly remote?: Endpoint;
  /** It sends back whatever it gets. */
  readonly answers?: boolean;
}

export interface ConnectPlace {
  readonly host: string;
  readonly port: number;
  readonly localAddress?: string;
  readonly localPort?: number;
}

export class Peer {
  /** Everything accepted so far, by this process and its workers. */
  readonly accepted: HeldSocket[] = [];
  readonly host: string;
  pid = 0;
  process = '';
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #lastId = 0;
  #ended: string | null = null;

  private constructor(host: string, child: ChildProcess) {
    this.host = host;
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => this.#hear(JSON.parse(line) as Message));
    let errors = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    // Whoever is asked while it ends is told so by its end.
    child.stdin!.on('error', () => {});
    child.on('close', () => this.#end(errors.trim()));
  }

  /** @param executable what runs the program; its name is the process's when it is a copy of node under another name */
  static async start(
    host: string,
    inside: Namespace,
    name: string,
    executable = process.execPath,
  ): Promise<Peer> {
    const peer = new Peer(host, inside.spawn([executable, peerProgram, name]));
    await until(`${name} in ${host} runs`, () => peer.#ended !== null || peer.pid !== 0);
    if (peer.#ended !== null) throw new Error(`${name} in ${host} ended: ${peer.#ended}`);
    return peer;
  }

  async listen(
    host: string,
    port: number,
    options: { readonly ipv6Only?: boolean } = {},
  ): Promise<HeldSocket> {
    return this.#held(await this.#ask('listen', { host, port, ...options }));
  }

  async connect(place: ConnectPlace): Promise<HeldSocket> {
    return this.#held(await this.#ask('connect', place));
  }

  async udp(place: UdpPlace): Promise<HeldSocket> {
    return this.#held(await this.#ask('udp', place));
  }

  /** Starts workers that accept from `listener` too. Returns their pids. */
  async prefork(listener: HeldSocket, workers: number): Promise<readonly number[]> {
    return (await this.#ask('prefork', { socket: listener.socket, workers })) as number[];
  }

  /** Hands the socket to a further process (`sleep`) besides. Returns its pid. */
  async share(socket: HeldSocket): Promise<number> {
    return (await this.#ask('share', { socket: socket.socket })) as number;
  }

  /** Takes every free descriptor below `below`. */
  async fillDescriptors(below: number): Promise<void> {
    await this.#ask('fillDescriptors', { below });
  }

  /** @param to where an unconnected UDP socket sends it */
  async send(socket: HeldSocket, text: string, to?: Endpoint): Promise<void> {
    await this.#ask('send', { socket: socket.socket, text, pid: socket.pid, to });
  }

  async close(socket: HeldSocket): Promise<void> {
    await this.#ask('close', { socket: socket.socket, pid: socket.pid });
  }

  async reset(socket: HeldSocket): Promise<void> {
    await this.#ask('reset', { socket: socket.socket, pid: socket.pid });
  }

  /**
   * The accepted end of a connection that `client` opened.
   * @param before how many were accepted when it was not open yet: an earlier one may have had the same ends
   */
  async acceptedFrom(client: HeldSocket, before: number): Promise<HeldSocket> {
    let end: HeldSocket | undefined;
    await until(`${this.process} accepts ${formatEndpoint(client.local)}`, () => {
      end = this.accepted
        .slice(before)
        .find(({ remote }) => remote !== null && sameEndpoint(remote, client.local));
      return end !== undefined;
    });
    return end!;
  }

  /** Ends the process as it would end itself, and waits for it. */
  async stop(): Promise<void> {
    this.#child.stdin!.end();
    await until(`${this.process} ends`, () => this.#ended !== null);
  }

  #ask(op: string, args: object): Promise<unknown> {
    if (this.#ended !== null) throw new Error(`${this.process} in ${this.host} has ended: ${this.#ended}`);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin!.write(`${JSON.stringify({ id, op, ...args })}\n`);
    });
  }

  #hear(message: Message): void {
    if (message.event === 'ready') {
      this.pid = message.pid;
      this.process = message.process;
    } else if (message.event === 'accepted') {
      this.accepted.push(this.#held(message));
    } else {
      const asked = this.#waiting.get(message.id!);
      this.#waiting.delete(message.id!);
      if (message.error === undefined) asked?.resolve(message.result);
      else asked?.reject(new Error(`${this.process} in ${this.host}: ${message.error}`));
    }
  }

  #end(errors: string): void {
    this.#ended = errors;
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.process} ended: ${errors}`));
    this.#waiting.clear();
  }

  #held(raw: unknown): HeldSocket {
    const { socket, fd, pid, process, local, remote } = raw as RawSocket;
    const base = { host: this.host, socket, fd, pid, process, local: canonical(local) };
    return { ...base, remote: remote === null ? null : canonical(remote) };
  }
}

function canonical({ ip, port }: RawEndpoint): Endpoint {
  return { ip: parseIp(ip) ?? ip, port };
}
