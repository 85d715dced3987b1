/**
 * Pairs of sockets between a web host and an api, told by both, each by its client's port; and what a search finds of them
 * while they come, change, leave the core and go.
 */
import type { ReportedSocket } from '../../aggregator/correlate/report.ts';
import type { SieveThread, SieveThreadOptions } from '../../aggregator/lookup/sieve-thread.ts';
import { connectionSubject } from '../../aggregator/serve/subjects.ts';
import { filterMatches } from '../../query/evaluate.ts';
import { parseFilter } from '../../query/parser.ts';
import { ReportedFleet } from './reported-fleet.ts';

const [web, api] = ['10.0.0.1', '10.0.0.2'];
export const servedPorts = [80, 81, 82] as const;

export class SievedPairs {
  readonly fleet: ReportedFleet;
  readonly #web;
  readonly #api;
  readonly #open = new Map<number, ReportedSocket[]>();

  constructor(sieve: Omit<SieveThreadOptions, 'words'>) {
    this.fleet = new ReportedFleet({ plainMax: 1 << 15, sieve: { rowsMin: 1, ...sieve } });
    this.#web = this.fleet.host('web', { addresses: [web] });
    this.#api = this.fleet.host('api', { addresses: [api] });
  }

  get thread(): SieveThread {
    return this.fleet.view.sieveThread!;
  }

  /** A port that is open has its other end told, where that is missing. */
  open(port: number): void {
    const served = `${api}:${servedPorts[port % servedPorts.length]}`;
    const known = this.#open.get(port);
    if (known === undefined) this.#open.set(port, [this.fleet.open(this.#web, `${web}:${port}`, served)]);
    else if (known.length === 1) known.push(this.fleet.open(this.#api, served, `${web}:${port}`));
  }

  openBoth(port: number): void {
    this.open(port);
    this.open(port);
  }

  close(port: number): void {
    for (const socket of this.#open.get(port) ?? []) this.fleet.close(socket);
    this.#open.delete(port);
  }

  /** It becomes an object. */
  leave(port: number): void {
    const client = this.#open.get(port)?.[0];
    if (client === undefined) return;
    const served = `${api}:${servedPorts[port % servedPorts.length]}`;
    this.fleet.translate(client, 'client', [`${web}:${port}>${served}`]);
  }

  /** Of all connections. */
  get ids(): Set<string> {
    const { connections, plain } = this.fleet.view.correlator;
    const ids = new Set<string>();
    for (const block of connections.walk(() => true)) {
      for (const row of block.rows) ids.add(plain.rows.formatId(plain.rows.numberOf(row)));
      for (const { id } of block.connections) ids.add(id);
    }
    return ids;
  }

  /** Ids of the connections that a filter selects now. */
  selected(q: string): Set<string> {
    const filter = parseFilter(q);
    const found = this.fleet.connections().filter((each) => filterMatches(filter, connectionSubject(each)));
    return new Set(found.map(({ id }) => id));
  }

  /**
   * Looks for what a filter selects, as the answers do.
   * @param meanwhile called between any two steps, and while another thread is at work
   */
  async search(q: string, meanwhile: () => void = () => {}): Promise<string[]> {
    const filter = parseFilter(q);
    const found: string[] = [];
    const steps = this.fleet.view.search({ filter, realm: '', of: 'connection' }, (block) => {
      const selected = block.filter((each) => filterMatches(filter, connectionSubject(each)));
      found.push(...selected.map(({ id }) => id));
    });
    for (let step = steps.next(); step.done !== true; step = steps.next()) {
      meanwhile();
      await step.value;
    }
    return found;
  }
}
