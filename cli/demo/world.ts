/**
 * The life of a planned fleet: connections open and close as time passes, in steps of one second. Equal plans live
 * equal lives. No clock: time is told to it.
 */
import type { FleetPlan, PlannedCall, PlannedHost, PlannedService } from './plan.ts';
import { SeededRandom } from './random.ts';

/** One end inside the fleet: an instance of a service, and which of its workers. */
export interface Instance {
  readonly service: PlannedService;
  readonly host: PlannedHost;
  readonly worker: number;
}

export interface WorldConnection {
  /** 1 and up, never reused. */
  readonly id: number;
  /** null = on a host without an agent. */
  readonly client: Instance | null;
  readonly clientIp: string;
  readonly clientPort: number;
  readonly server: Instance;
  readonly closesAtMs: number;
}

const stepMs = 1_000;

/** A step that lies this far behind is not lived through any more: the machine slept. */
const stepsMax = 60;

const firstEphemeralPort = 32_768;
const ephemeralPorts = 28_232;

export class World {
  readonly plan: FleetPlan;
  readonly #random: SeededRandom;
  readonly #startedAtMs: number;
  readonly #open = new Map<number, WorldConnection>();
  #steps = 0;
  #lastId = 0;

  constructor(plan: FleetPlan, seed: number, startedAtMs: number) {
    this.plan = plan;
    this.#random = new SeededRandom(seed ^ 0x5eed);
    this.#startedAtMs = startedAtMs;
    this.#welcomeStranger();
  }

  /** Lives up to `nowMs`, unix milliseconds. */
  advance(nowMs: number): void {
    const due = Math.floor((nowMs - this.#startedAtMs) / stepMs) + 1;
    this.#steps = Math.max(this.#steps, due - stepsMax);
    while (this.#steps < due) {
      this.#step(this.#startedAtMs + this.#steps * stepMs);
      this.#steps += 1;
    }
  }

  connections(): Iterable<WorldConnection> {
    return this.#open.values();
  }

  /** Closes what is due, fills every pool, and lets a visitor from the edge come by. */
  #step(atMs: number): void {
    for (const connection of this.#open.values()) {
      if (connection.closesAtMs <= atMs) this.#open.delete(connection.id);
    }
    for (const call of this.plan.calls) {
      if (atMs < this.#startedAtMs + call.startsAfterMs) continue;
      for (const host of call.client.hosts) this.#fillPool(call, host, atMs);
    }
  }

  #fillPool(call: PlannedCall, host: PlannedHost, atMs: number): void {
    let held = 0;
    for (const { client, server } of this.#open.values()) {
      if (client?.service === call.client && client.host === host && server.service === call.server)
        held += 1;
    }
    for (; held < call.pool; held++) {
      const client = { service: call.client, host, worker: this.#random.below(call.client.workers) };
      this.#openConnection(client, host.ip, call.server, atMs + this.#lifetimeMs());
    }
  }

  /** Most connections are kept for minutes, some for seconds. */
  #lifetimeMs(): number {
    return this.#random.below(4) === 0
      ? 3_000 + this.#random.below(10_000)
      : 60_000 + this.#random.below(600_000);
  }

  #welcomeStranger(): void {
    const { ip, server, connections } = this.plan.stranger;
    for (let i = 0; i < connections; i++) this.#openConnection(null, ip, server, Infinity);
  }

  #openConnection(
    client: Instance | null,
    clientIp: string,
    service: PlannedService,
    closesAtMs: number,
  ): void {
    this.#lastId += 1;
    const server = {
      service,
      host: this.#random.pick(service.hosts),
      worker: this.#random.below(service.workers),
    };
    const clientPort = firstEphemeralPort + (this.#lastId % ephemeralPorts);
    this.#open.set(this.#lastId, { id: this.#lastId, client, clientIp, clientPort, server, closesAtMs });
  }
}
