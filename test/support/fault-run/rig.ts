/**
 * What faults are done to: hosts of namespaces with an agent and two processes of the oracle on each, and an aggregator on
 * a host of its own. All of it lives as long as the process that opened it, and ends with it however that ends.
 */
import type { ConnectionDocument, ConnectionsDocument, HostsDocument } from '../../../model/document.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import { Inhabitant } from '../faults/place.ts';
import { Fleet } from '../fleet/fleet.ts';
import type { Host } from '../fleet/host.ts';
import { httpPort } from '../fleet/whotalks.ts';
import { until } from '../until.ts';
import { DaemonFolder } from './daemon-folder.ts';
import { FaultProxy } from './fault-proxy.ts';
import { LastingDaemon } from './lasting-daemon.ts';
import { type Load, Oracle } from './oracle.ts';
import { OracleLedger } from './oracle-ledger.ts';

/** What a fault wants of its fleet. */
export interface RigNeeds {
  /** Agents reach the aggregator through a proxy. */
  readonly proxy?: true;
  /** The aggregator's data is on a file system of its own, which is small. */
  readonly smallData?: true;
  /** So are the spools of agents. */
  readonly smallSpool?: true;
}

export interface RigPlan {
  readonly hosts: number;
  readonly seed: number;
  readonly load: Load;
  readonly needs: RigNeeds;
}

const aggregatorIp = '10.1.0.1';

/** Closed connections stay in the answers for longer than any run takes. */
const linger = '6h';

/** Rows of an answer that are asked for. */
const rowsMax = 1_000_000;

/** Of a small file system, MiB. */
const smallMiB = 8;

/** The oracle's processes on each host. */
const oracleNames = ['shop', 'store'] as const;

const askerProgram = new URL('../programs/http-asker.mjs', import.meta.url).pathname;

export class FaultRig {
  readonly ledger = new OracleLedger();
  readonly fleet: Fleet;
  readonly aggregatorHost: Host;
  readonly aggregator: LastingDaemon;
  /** By name of their hosts. */
  readonly agents = new Map<string, LastingDaemon>();
  /** Where the aggregator keeps its data. */
  readonly dataFolder: DaemonFolder;
  /** Of each agent, by name of its host. */
  readonly spoolFolders = new Map<string, DaemonFolder>();
  /** null where no fault needs it. */
  proxy: FaultProxy | null = null;
  readonly #plan: RigPlan;
  readonly #oracles: Oracle[] = [];
  readonly #asker: Inhabitant;

  private constructor(fleet: Fleet, plan: RigPlan) {
    this.fleet = fleet;
    this.#plan = plan;
    const host = fleet.host('aggregator');
    this.aggregatorHost = host;
    fleet.whotalks.serveFrom(aggregatorIp);
    this.dataFolder = new DaemonFolder(host, 'data');
    const flags = ['--linger', linger, '--data', this.dataFolder.path];
    this.aggregator = new LastingDaemon(() => fleet.whotalks.launchAggregator(host, aggregatorIp, ...flags));
    const url = `http://${aggregatorIp}:${httpPort}`;
    this.#asker = new Inhabitant(host.namespace.spawn([process.execPath, askerProgram, url]));
  }

  static async open(plan: RigPlan): Promise<FaultRig> {
    const fleet = await Fleet.open(hostsOf(plan.hosts));
    const rig = new FaultRig(fleet, plan);
    try {
      await rig.#start();
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return rig;
  }

  /** Hosts with an agent: h1, h2 ... */
  get hosts(): readonly Host[] {
    return Array.from({ length: this.#plan.hosts }, (_, i) => this.fleet.host(`h${i + 1}`));
  }

  get oracles(): readonly Oracle[] {
    return this.#oracles;
  }

  async #start(): Promise<void> {
    const { needs, seed } = this.#plan;
    if (needs.smallData === true) await this.dataFolder.mount(smallMiB);
    await this.aggregator.start();
    if (needs.proxy === true) {
      this.proxy = await FaultProxy.start(this.aggregatorHost, aggregatorIp, seed);
      this.fleet.ledger.infrastructure.add(this.proxy.address);
    }
    const server = this.proxy === null ? [] : ['--server', this.proxy.address];
    for (const host of this.hosts) await this.#prepareAgent(host, server);
    await Promise.all([...this.agents.values()].map((agent) => agent.start()));
    await Promise.all(this.hosts.map((host, i) => this.#startOracles(host, i + 1)));
    // What was over before an agent looked for the first time is for nobody to tell.
    await until('all hosts are live', () => this.isLive());
  }

  /** @param server flags that say where it reports to */
  async #prepareAgent(host: Host, server: readonly string[]): Promise<void> {
    const spool = new DaemonFolder(host, 'spool');
    if (this.#plan.needs.smallSpool === true) await spool.mount(smallMiB);
    const flags = ['--interval', '1s', '--spool', spool.path, ...server];
    const { whotalks } = this.fleet;
    this.spoolFolders.set(host.host, spool);
    this.agents.set(host.host, new LastingDaemon(() => whotalks.startAgent(host, ...flags)));
  }

  /** Whether all hosts are, as the aggregator says. */
  async isLive(): Promise<boolean> {
    const answer = await this.hostsAnswer();
    const live = answer?.hosts.filter(({ state }) => state === 'live') ?? [];
    return live.length === this.hosts.length;
  }

  async #startOracles(host: Host, number: number): Promise<void> {
    for (const name of oracleNames) {
      const seed = this.#plan.seed * 1000 + this.#oracles.length;
      this.#oracles.push(await Oracle.start(host, name, addressesOf(number), seed, this.ledger));
    }
  }

  /** Connections among all processes of the oracle, from now on. */
  begin(): void {
    const { load } = this.#plan;
    const perSecond = load.perSecond / this.#oracles.length;
    for (const oracle of this.#oracles) {
      const others = this.#oracles.filter((other) => other !== oracle);
      oracle.dial(
        others.flatMap(({ listening }) => listening),
        { ...load, perSecond },
      );
    }
  }

  /** No new connections; those that are there live on. */
  rest(): void {
    for (const oracle of this.#oracles) oracle.rest();
  }

  /** Whether it is about agents and aggregator, or about questions. */
  readonly isOwn = ({ client, server }: ConnectionDocument): boolean =>
    [client, server].some((end) => this.fleet.ledger.infrastructure.has(formatEndpoint(end)));

  /** The answer to `GET path`; null while there is none. Throws when it is an error. */
  async ask<Document>(path: string): Promise<Document | null> {
    this.#asker.tell(path);
    const line = await this.#asker.line();
    const status = line.slice(0, line.indexOf(' '));
    if (status === '0') return null;
    if (status !== '200') throw new Error(`${path}: ${line.slice(0, 300)}`);
    return JSON.parse(line.slice(status.length + 1)) as Document;
  }

  hostsAnswer(): Promise<HostsDocument | null> {
    return this.ask<HostsDocument>('/api/v1/hosts');
  }

  /** All of them, those that closed included. */
  async connections(): Promise<readonly ConnectionDocument[] | null> {
    const answer = await this.ask<ConnectionsDocument>(`/api/v1/connections?limit=${rowsMax}`);
    if (answer !== null && answer.total > answer.connections.length) {
      throw new Error(`${answer.connections.length} of ${answer.total} connections are in the answer`);
    }
    return answer?.connections ?? null;
  }

  /** Those with this endpoint, `IP:PORT`, at either end. */
  async connectionsAt(endpoint: string): Promise<readonly ConnectionDocument[]> {
    const answer = await this.ask<ConnectionsDocument>(
      `/api/v1/connections?q=${encodeURIComponent(endpoint)}`,
    );
    return answer?.connections ?? [];
  }

  close(): Promise<void> {
    return this.fleet.close();
  }
}

function hostsOf(count: number): Record<string, string[]> {
  const hosts: Record<string, string[]> = { aggregator: [`${aggregatorIp}/16`] };
  for (let number = 1; number <= count; number++) {
    const [ipv4, ipv6] = addressesOf(number);
    hosts[`h${number}`] = [`${ipv4}/16`, `${ipv6}/64`];
  }
  return hosts;
}

function addressesOf(number: number): [ipv4: string, ipv6: string] {
  return [`10.1.${number}.1`, `fd00::${number}:1`];
}
