/**
 * The same fleet over plaintext and over TLS with a certificate for each agent, in turns: what an aggregator takes in per second of
 * its CPU. Both have their agents connected all the time; only those of the round tell anything.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../../../aggregator/security/authority.ts';
import { Child } from '../child.ts';
import type { EngineFigure } from '../engine-page.ts';
import { type FleetAddresses, type FleetLoad, fleetReceiverRole } from '../fleet/fleet-receiver.ts';
import { wholeCells } from '../fleet/fleet-rounds.ts';
import { type FleetQuestion, type FleetSent, fleetSenderRole } from '../fleet/fleet-sender.ts';
import { eventsPerTick } from '../fleet/simulated-agent.ts';
import { median } from '../report.ts';

const agents = wholeCells(200);
const addPatienceSeconds = 60;
const settleSeconds = 5;
const roundSeconds = 6;
/** Until the compiler has seen everything. */
const warmUpRounds = 2;

/** Events per second of CPU of the aggregator. */
type Rate = number;

/** @param program the bench's own */
export async function measureTls(program: string, rounds: number): Promise<EngineFigure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-bench-tls-'));
  const fleets: ServedFleet[] = [];
  try {
    const caFolder = join(folder, 'security');
    await createAuthority(caFolder, [], Date.now());
    for (const ca of [undefined, caFolder]) fleets.push(await ServedFleet.start(program, ca));
    const [plain, tls] = fleets as [ServedFleet, ServedFleet];
    const ratios: number[] = [];
    const rates: { plain: Rate; tls: Rate }[] = [];
    for (let round = -warmUpRounds; round < rounds; round++) {
      const rate = { plain: await plain.measure(), tls: await tls.measure() };
      if (round < 0) continue;
      rates.push(rate);
      ratios.push(rate.tls / rate.plain);
      console.log(`tls: ${describe(rate.tls)} over TLS, ${describe(rate.plain)} in plaintext`);
    }
    const values = (['tls', 'plain'] as const).map((name) =>
      describe(median(rates.map((rate) => rate[name]))),
    );
    const what = `events of ${agents} agents per CPU-second over TLS with certificates, of those in plaintext`;
    return [{ what, goal: '>= 0.75', ratios, values: values.join(' / ') }];
  } finally {
    for (const fleet of fleets) await fleet.end();
    rmSync(folder, { recursive: true });
  }
}

function describe(rate: Rate): string {
  return `${(rate / 1000).toFixed(0)},000 events per CPU-second`;
}

/** An aggregator and the agents that are connected to it. */
class ServedFleet {
  readonly #receiver: Child;
  readonly #sender: Child;

  private constructor(receiver: Child, sender: Child) {
    this.#receiver = receiver;
    this.#sender = sender;
  }

  static async start(program: string, caFolder: string | undefined): Promise<ServedFleet> {
    const ca = caFolder === undefined ? [] : [caFolder];
    const receiver = new Child(program, [fleetReceiverRole, ...ca]);
    const sender = new Child(program, [fleetSenderRole]);
    const fleet = new ServedFleet(receiver, sender);
    const { grpcAddress: address } = await receiver.said<FleetAddresses>();
    await sender.said();
    const patienceSeconds = addPatienceSeconds;
    const question: FleetQuestion = {
      kind: 'add',
      address,
      agents,
      patienceSeconds,
      ...(caFolder === undefined ? {} : { caFolder }),
    };
    const added = await sender.ask<number>(question);
    if (added < agents)
      throw new Error(`only ${added} of ${agents} agents were in step after ${patienceSeconds} s`);
    await fleet.#run(settleSeconds);
    return fleet;
  }

  async measure(): Promise<Rate> {
    await this.#receiver.ask<FleetLoad>('begin');
    const { messages, refused } = await this.#run(roundSeconds);
    const { cpuPercent } = await this.#receiver.ask<FleetLoad>('end');
    if (refused > 0) throw new Error(`${refused} messages were refused`);
    return ((messages * eventsPerTick) / (roundSeconds * cpuPercent)) * 100;
  }

  async end(): Promise<void> {
    await this.#sender.end();
    await this.#receiver.end();
  }

  #run(seconds: number): Promise<FleetSent> {
    return this.#sender.ask<FleetSent>({ kind: 'run', seconds } satisfies FleetQuestion);
  }
}
