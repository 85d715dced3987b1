/** Two hosts with an agent each, `web` that calls and `db` that answers, and an aggregator that keeps a journal. */

import type { JournalLimits } from '../../../aggregator/journal/limits.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { processOf, socketOf } from '../../agent/export/sockets.ts';
import { type KeptAgent, KeptAggregator } from './kept-aggregator.ts';

const clientIp = '10.1.17.138';
const serverIp = '10.1.100.9';
/** Of connection 0; of those that tell that it is the client's. */
const clientPort = 40_000;

export class FleetOfTwo {
  readonly aggregator: KeptAggregator;
  web!: KeptAgent;
  db!: KeptAgent;

  constructor(limits: Partial<JournalLimits> = {}) {
    this.aggregator = new KeptAggregator(limits);
  }

  static async begin(limits?: Partial<JournalLimits>): Promise<FleetOfTwo> {
    const fleet = new FleetOfTwo(limits);
    await fleet.aggregator.start();
    fleet.join();
    await fleet.pass(1_000);
    return fleet;
  }

  /** Both agents come. */
  join(): void {
    this.web = this.aggregator.agent('web', clientIp);
    this.db = this.aggregator.agent('db', serverIp);
  }

  /** Time goes on; agents tell what they have each 100 ms. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.web.stream.flush();
      this.db.stream.flush();
      await this.aggregator.time.advance(Math.min(100, ms - passed));
    }
  }

  /** Both agents see connection `n` begin. */
  open(...numbers: readonly number[]): void {
    const openedAtMs = this.aggregator.time.nowMs();
    for (const n of numbers) {
      const told = { kind: 'opened', id: n, openedAtMs, notBeforeMs: openedAtMs - 100 } as const;
      this.web.slots.apply({ ...told, socket: clientSocket(n) });
      this.db.slots.apply({ ...told, socket: serverSocket(n) });
    }
  }

  close(...numbers: readonly number[]): void {
    const closedAtMs = this.aggregator.time.nowMs();
    for (const n of numbers) {
      this.web.slots.apply({ kind: 'closed', id: n, socket: clientSocket(n), closedAtMs });
      this.db.slots.apply({ kind: 'closed', id: n, socket: serverSocket(n), closedAtMs });
    }
  }

  shown(): { readonly connections: string[]; readonly edges: string[] } {
    return { connections: this.aggregator.connections(), edges: this.aggregator.edges() };
  }
}

/** How connection `n` is shown. */
export function line(n: number, state: 'open' | 'closed'): string {
  return `web:${clientPort + n}>db:8743 ${state}`;
}

export function lines(state: 'open' | 'closed', ...numbers: readonly number[]): string[] {
  return numbers.map((n) => line(n, state)).toSorted();
}

function clientSocket(n: number): OwnedSocket {
  const local = { ip: clientIp, port: clientPort + n };
  return socketOf(n, { local, owners: [{ process: processOf(100, { program: 'shop' }), fds: [n] }] });
}

function serverSocket(n: number): OwnedSocket {
  const { local, remote } = clientSocket(n);
  const owners = [{ process: processOf(200, { program: 'store' }), fds: [n] }];
  return socketOf(n, { local: remote, remote: local, owners });
}
