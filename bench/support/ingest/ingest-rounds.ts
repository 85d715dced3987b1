/** The variants in turns, each with a receiver and a sender of its own that go on from round to round. */
import { Child } from '../child.ts';
import type { EngineFigure } from '../engine-page.ts';
import { median } from '../report.ts';
import type { MixName } from './event-mix.ts';
import { type Received, receiverRole } from './receiver.ts';
import { type SendQuestion, type Sent, senderRole } from './sender.ts';
import { type VariantName, variantNames } from './variants.ts';

/** So that a round of each takes a receiver some tenths of a second. */
const eventsPerRound: Readonly<Record<VariantName, number>> = {
  one: 60_000,
  rows: 240_000,
  columns: 12_000_000,
  floor: 12_000_000,
};

/** Until the compiler has seen everything. */
const warmUpRounds = 2;

interface IngestRound {
  /** Nanoseconds of CPU of the receiver per event. */
  readonly ns: Readonly<Record<VariantName, number>>;
  /** Payload of a message per event. */
  readonly bytes: Readonly<Record<VariantName, number>>;
}

/** What the events of agents in a second cost, and those of a snapshot. @param program the bench's own */
export async function measureIngest(program: string, rounds: number): Promise<EngineFigure[]> {
  console.log('ingest: events of a tick');
  const tick = await measureMix(program, 'tick', rounds);
  console.log('ingest: events of a snapshot');
  return [...figuresOf(tick), snapshotFigure(await measureMix(program, 'opens', rounds))];
}

function figuresOf(rounds: readonly IngestRound[]): EngineFigure[] {
  const against = (peer: VariantName): Pick<EngineFigure, 'ratios' | 'values'> => ({
    ratios: rounds.map(({ ns }) => ns[peer] / ns.columns),
    values: `${rateOf(rounds, 'columns')} / ${rateOf(rounds, peer)} events per CPU-second`,
  });
  return [
    { what: 'ingest, in times of one event per message', goal: '>= 60', ...against('one') },
    { what: 'ingest, in times of repeated rows by proto-loader', goal: '>= 20', ...against('rows') },
    { what: 'ingest, of what gRPC takes for the same bytes untouched', goal: '>= 0.9', ...against('floor') },
    {
      what: 'bytes of rows, in times of those of columns',
      goal: '>= 20',
      ratios: rounds.map(({ bytes }) => bytes.rows / bytes.columns),
      values: `${bytesOf(rounds, 'rows')} / ${bytesOf(rounds, 'columns')} per event`,
    },
  ];
}

function snapshotFigure(rounds: readonly IngestRound[]): EngineFigure {
  const times = (peer: VariantName): string =>
    median(rounds.map((round) => round.ns[peer] / round.ns.columns)).toFixed(2);
  return {
    what: 'the same of a snapshot, which only opens: in times of repeated rows',
    goal: '',
    ratios: rounds.map((round) => round.ns.rows / round.ns.columns),
    values: `of one per message ${times('one')}, of untouched ${times('floor')}; ${bytesOf(rounds, 'rows')} / ${bytesOf(rounds, 'columns')} per event`,
  };
}

function rateOf(rounds: readonly IngestRound[], name: VariantName): string {
  return `${(1e3 / median(rounds.map(({ ns }) => ns[name]))).toFixed(2)} M`;
}

function bytesOf(rounds: readonly IngestRound[], name: VariantName): string {
  return `${median(rounds.map(({ bytes }) => bytes[name])).toFixed(1)} B`;
}

async function measureMix(program: string, mix: MixName, rounds: number): Promise<IngestRound[]> {
  const pairs = new Map<VariantName, Pair>();
  try {
    for (const name of variantNames) pairs.set(name, await Pair.start(program, name, mix));
    const measured: IngestRound[] = [];
    for (let round = 0; round < warmUpRounds + rounds; round++) measured.push(await measureRound(pairs));
    return measured.slice(warmUpRounds);
  } finally {
    for (const pair of pairs.values()) await pair.end();
  }
}

async function measureRound(pairs: ReadonlyMap<VariantName, Pair>): Promise<IngestRound> {
  const ns: Partial<Record<VariantName, number>> = {};
  const bytes: Partial<Record<VariantName, number>> = {};
  for (const [name, pair] of pairs) [ns[name], bytes[name]] = await pair.measure(eventsPerRound[name]);
  return { ns, bytes } as IngestRound;
}

/** Receiver and sender of one variant. */
class Pair {
  readonly #receiver: Child;
  readonly #sender: Child;
  readonly #port: number;

  private constructor(receiver: Child, sender: Child, port: number) {
    this.#receiver = receiver;
    this.#sender = sender;
    this.#port = port;
  }

  static async start(program: string, name: VariantName, mix: MixName): Promise<Pair> {
    const receiver = new Child(program, [receiverRole, name, mix]);
    const port = await receiver.said<number>();
    const sender = new Child(program, [senderRole, name, mix]);
    await sender.said();
    return new Pair(receiver, sender, port);
  }

  /** @returns nanoseconds of CPU of the receiver, and bytes, per event */
  async measure(events: number): Promise<[ns: number, bytes: number]> {
    await this.#receiver.ask<Received>('begin');
    const question: SendQuestion = { port: this.#port, events };
    const { bytesPerEvent } = await this.#sender.ask<Sent>(question);
    const received = await this.#receiver.ask<Received>('end');
    if (received.events < events) throw new Error(`${received.events} of ${events} events came`);
    return [(received.cpuMs * 1e6) / received.events, bytesPerEvent];
  }

  async end(): Promise<void> {
    await this.#sender.end();
    await this.#receiver.end();
  }
}
