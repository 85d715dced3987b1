/**
 * A small machine of namespaces whose inhabitants are known to the last process, so that what a collector says of it can
 * be told exactly: two processes with sockets, one of root and one of an ordinary user, and the scanner itself.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../../../model/netns.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { Namespace } from '../fleet/namespace.ts';

const scanProgram = fileURLToPath(new URL('../programs/scan-there.mjs', import.meta.url));

/** Root of the repository. */
export const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** What the last of some scans in the place said, and some things about all of them. */
export interface ScanThere {
  readonly collector: string;
  /** Of the process that scanned, as the place counts. */
  readonly pid: number;
  /** How many there were. */
  readonly scans: number;
  readonly cannotSee: readonly string[];
  readonly malformedTotal: number;
  readonly sockets: readonly OwnedSocket[];
  readonly netns: readonly Netns[];
  /** What a watch over all scans so far believes to have ended since the last answer. */
  readonly closed: readonly OwnedSocket[];
  /** `INODE PID NAME PORT` of every owner that any of the scans told, each once. */
  readonly owners: readonly string[];
}

/** Prefix of a command that runs it as an ordinary user. @param capabilities such as `bpf` */
export function asUser(...capabilities: string[]): string[] {
  const given = capabilities.map((name) => `+${name}`).join();
  const sets = given === '' ? [] : ['--inh-caps', given, '--ambient-caps', given];
  return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...sets, '--'];
}

/** Prefix of a command that runs it as root without some capabilities. */
export function without(...capabilities: string[]): string[] {
  const dropped = capabilities.map((name) => `-${name}`).join();
  return ['setpriv', `--bounding-set=${dropped}`, '--'];
}

/** Prefix of a command that runs it with mounts of its own. @param setUp commands of a shell */
export function withMounts(setUp: string): string[] {
  return ['unshare', '--mount', 'sh', '-ec', `${setUp}\nexec "$@"`, 'sh'];
}

/** A process that runs in the place and speaks in lines. */
export class Inhabitant {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Throws with what it complained about when it ended instead. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error(`it ended: ${this.#errors.trim()}`);
    return next.value;
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  endInput(): void {
    this.#child.stdin!.end();
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.endInput();
    await gone;
  }
}

/** A collector in a process of the place. */
export class Scanner {
  readonly #inhabitant: Inhabitant;

  constructor(inhabitant: Inhabitant) {
    this.#inhabitant = inhabitant;
  }

  /** The last one of some scans in a row. Throws with the collector's own message when one failed. */
  scan(scans = 1): Promise<ScanThere> {
    return this.#ask({ scans });
  }

  /** The last one of as many scans as there is time for. */
  scanFor(forMs: number): Promise<ScanThere> {
    return this.#ask({ forMs });
  }

  /** Leaves the process no file descriptor, or gives them back. */
  async descriptors(what: 'take' | 'give'): Promise<void> {
    await this.#ask({ descriptors: what });
  }

  end(): Promise<void> {
    return this.#inhabitant.end();
  }

  async #ask<Answer extends object = ScanThere>(question: object): Promise<Answer> {
    this.#inhabitant.tell(JSON.stringify(question));
    const answer = JSON.parse(await this.#inhabitant.line()) as Answer | { error: string };
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  }
}

/** Listens on a port, is its own client from another one, and ends with its stdin. Says its pid when it holds both ends. */
const holder = `
  const net = require('node:net');
  const [port, localPort] = process.argv.slice(1).map(Number);
  process.stdin.resume().on('end', () => process.exit());
  let ends = 0;
  const hold = () => ++ends === 2 && console.log(process.pid);
  const accept = (socket) => {
    socket.on('error', () => {}).resume();
    if (socket.remotePort === localPort) hold();
  };
  net.createServer(accept).listen(port, '127.0.0.1', () => {
    net.connect({ port, host: '127.0.0.1', localPort }, hold);
  });
`;

export class Place {
  readonly #namespace: Namespace;
  /** Pids as the place counts, by the name of their user. */
  readonly #pids: ReadonlyMap<number, string>;
  readonly #inhabitants: Inhabitant[];

  private constructor(namespace: Namespace, pids: ReadonlyMap<number, string>, inhabitants: Inhabitant[]) {
    this.#namespace = namespace;
    this.#pids = pids;
    this.#inhabitants = inhabitants;
  }

  static async open(): Promise<Place> {
    const namespace = await Namespace.open('host', 'faults');
    const pids = new Map<number, string>();
    const inhabitants: Inhabitant[] = [];
    const hold = async (user: string, prefix: readonly string[], ...ports: number[]): Promise<void> => {
      const argv = [...prefix, process.execPath, '-e', holder, ...ports.map(String)];
      const inhabitant = new Inhabitant(namespace.spawn(argv));
      inhabitants.push(inhabitant);
      pids.set(Number(await inhabitant.line()), user);
    };
    try {
      await hold('root', [], 18080, 28080);
      await hold('user', asUser(), 18081, 28081);
    } catch (error) {
      await namespace.close();
      throw error;
    }
    return new Place(namespace, pids, inhabitants);
  }

  get namespace(): Namespace {
    return this.#namespace;
  }

  /** Name of the user of a holder's pid; null for any other process. */
  holder(pid: number): string | null {
    return this.#pids.get(pid) ?? null;
  }

  /** Runs a command in the place, until its end or that of the place. */
  start(argv: readonly string[]): Inhabitant {
    const inhabitant = new Inhabitant(this.#namespace.spawn(argv));
    this.#inhabitants.push(inhabitant);
    return inhabitant;
  }

  scanner(source: string, prefix: readonly string[] = [], options: readonly string[] = []): Scanner {
    return new Scanner(this.start([...prefix, process.execPath, scanProgram, source, ...options]));
  }

  /** One scan by a new collector. */
  async scanOnce(
    source: string,
    prefix: readonly string[] = [],
    options: readonly string[] = [],
  ): Promise<ScanThere> {
    const scanner = this.scanner(source, prefix, options);
    try {
      return await scanner.scan();
    } finally {
      await scanner.end();
    }
  }

  /** Port, state and holders of the sockets of the two, such as `18081 listen user`; `-` = nobody. */
  rows({ sockets }: Pick<ScanThere, 'sockets'>): string[] {
    return sockets
      .filter(({ local }) => [18080, 18081, 28080, 28081].includes(local.port))
      .map(({ local, state, owners }) => {
        const holders = owners.map(({ process: { pid } }) => this.holder(pid) ?? `pid ${pid}`);
        return `${local.port} ${state} ${holders.join('+') || '-'}`;
      })
      .toSorted();
  }

  /** Ends everything in it. */
  async close(): Promise<void> {
    await this.#namespace.close();
    for (const inhabitant of this.#inhabitants.splice(0)) await inhabitant.end();
  }
}

/** What `rows` says when the holders of these users are known. */
export function rowsHeldBy(...users: readonly ('root' | 'user')[]): string[] {
  const name = (user: 'root' | 'user'): string => (users.includes(user) ? user : '-');
  return [
    `18080 established ${name('root')}`,
    `18080 listen ${name('root')}`,
    `18081 established ${name('user')}`,
    `18081 listen ${name('user')}`,
    `28080 established ${name('root')}`,
    `28081 established ${name('user')}`,
  ];
}
