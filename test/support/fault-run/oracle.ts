/** One process of the oracle (programs/oracle.mjs) in a host, and its lines on their way into the ledger. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Endpoint } from '../../../model/endpoint.ts';
import { parseIp } from '../../../model/ip.ts';
import type { Host } from '../fleet/host.ts';
import { until } from '../until.ts';
import type { LedgerConnection, OracleLedger, Side } from './oracle-ledger.ts';

const program = fileURLToPath(new URL('../programs/oracle.mjs', import.meta.url));

/** What is opened, and for how long it lives. */
export interface Load {
  readonly perSecond: number;
  /** One of them is drawn for each connection, and made up to half as long again or as short. */
  readonly livesMs: readonly number[];
}

type Told =
  | {
      readonly event: 'ready';
      readonly pid: number;
      readonly process: string;
      readonly listening: Endpoint[];
    }
  | ({ readonly event: 'opened'; readonly probe?: boolean } & TellsOf)
  | ({ readonly event: 'closed' } & TellsOf)
  | { readonly event: 'failed'; readonly why: string };

interface TellsOf {
  readonly side: Side;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly atMs: number;
}

export class Oracle {
  readonly host: string;
  pid = 0;
  process = '';
  /** Where it accepts: one endpoint for each of its addresses. */
  listening: readonly Endpoint[] = [];
  /** Connections that could not be opened. */
  failed = 0;
  readonly #ledger: OracleLedger;
  readonly #child: ChildProcess;
  readonly #probes: LedgerConnection[] = [];
  #errors = '';
  #ended = false;

  private constructor(host: Host, child: ChildProcess, ledger: OracleLedger) {
    this.host = host.host;
    this.#ledger = ledger;
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => this.#hear(JSON.parse(line) as Told));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    child.on('close', () => {
      this.#ended = true;
    });
  }

  /** @param addresses of `host`, on each of which it accepts @param seed of its lives and pauses */
  static async start(
    host: Host,
    name: string,
    addresses: readonly string[],
    seed: number,
    ledger: OracleLedger,
  ): Promise<Oracle> {
    const argv = [process.execPath, program, name, String(seed), ...addresses];
    const oracle = new Oracle(host, host.namespace.spawn(argv), ledger);
    await until(`${name} in ${host.host} accepts`, () => oracle.#ended || oracle.pid !== 0);
    if (oracle.#ended) throw new Error(`${name} in ${host.host} ended: ${oracle.#errors.trim()}`);
    return oracle;
  }

  dial(targets: readonly Endpoint[], load: Load): void {
    this.#tell({ op: 'dial', targets, ...load });
  }

  /** Opens no more. */
  rest(): void {
    this.#tell({ op: 'rest' });
  }

  /** One connection that stays open. Returns when both its ends are in the ledger. */
  async probe(target: Endpoint): Promise<LedgerConnection> {
    const before = this.#probes.length;
    this.#tell({ op: 'probe', target });
    const isThere = (): boolean => {
      if (this.#ended) throw new Error(`${this.process} in ${this.host} ended: ${this.#errors.trim()}`);
      const { client, server } = this.#probes[before]?.ends ?? { client: null, server: null };
      return client !== null && server !== null;
    };
    await until(`${this.process} in ${this.host} opens a connection`, isThere);
    return this.#probes[before]!;
  }

  #tell(what: object): void {
    this.#child.stdin!.write(`${JSON.stringify(what)}\n`);
  }

  #hear(told: Told): void {
    if (told.event === 'ready') {
      this.pid = told.pid;
      this.process = told.process;
      this.listening = told.listening.map(canonical);
    } else if (told.event === 'failed') this.failed++;
    else this.#write(told);
  }

  #write(told: Extract<Told, { event: 'opened' | 'closed' }>): void {
    const { side, atMs } = told;
    const [client, server] = [canonical(told.client), canonical(told.server)];
    if (told.event === 'closed') return this.#ledger.closed(side, client, server, atMs);
    const { host, pid, process } = this;
    const end = { host, pid, process, openedAtMs: atMs, closedAtMs: null };
    const connection = this.#ledger.opened(side, client, server, end);
    if (told.probe === true) this.#probes.push(connection);
  }
}

function canonical({ ip, port }: Endpoint): Endpoint {
  return { ip: parseIp(ip) ?? ip, port };
}
