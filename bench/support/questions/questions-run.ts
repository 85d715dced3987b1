/**
 * A live view full of plain connections is asked, in a process of its own, as its doors would ask it: while each question is
 * answered a loop of setImmediate looks how long nobody else had a turn. The thread that looks at rows is there from the
 * first question on.
 */
import { seesAll } from '../../../aggregator/security/sight.ts';
import type { Answer } from '../../../aggregator/serve/answer.ts';
import { AnswerTurns } from '../../../aggregator/serve/answer-turns.ts';
import * as answers from '../../../aggregator/serve/answers.ts';
import { type AnswerRequest, emptyRequest } from '../../../aggregator/serve/request.ts';
import { openThreadClock } from '../cpu-time.ts';
import { FleetLoad } from '../fleet-load.ts';
import { median } from '../report.ts';

/** The word that makes the bench's program run as it. */
export const questionsRole = 'questions';

const perHost = 2_000;
/** Each process of a host, 20 in all, dials one other host: some hundred connections for each edge. */
const peersPerHost = 20;
/** Of each question, in which pauses are looked for, and as many for what it costs. */
const asks = 3;

export interface QuestionRun {
  readonly name: string;
  /** Medians. */
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Of it, that of the thread that everybody waits for. */
  readonly loopCpuMs: number;
  /** Of all asks the longest. */
  readonly pauseMs: number;
  readonly rows: number;
}

interface Question {
  readonly name: string;
  readonly answer: Answer<object>;
  readonly request: Partial<AnswerRequest>;
}

const questions: readonly Question[] = [
  { name: 'to ADDRESS:PORT', answer: answers.to, request: { q: '10.1.0.7:8743' } },
  { name: 'to SERVICE', answer: answers.to, request: { q: 'server7' } },
  { name: 'to a name that nobody has', answer: answers.to, request: { q: 'nobody' } },
  { name: 'from SERVICE', answer: answers.from, request: { q: 'client7-7' } },
  { name: 'from 10.0.0.0/8, which is everybody', answer: answers.from, request: { q: '10.0.0.0/8' } },
  { name: 'map', answer: answers.map, request: {} },
  { name: 'map of a service', answer: answers.map, request: { q: 'server7' } },
  { name: 'map of a network but one port', answer: answers.map, request: { q: '10.1.0.0/26 not :9' } },
  { name: 'connections, first 100', answer: answers.connections, request: { limit: 100 } },
  { name: 'connections of a process', answer: answers.connections, request: { q: 'client7-7', limit: 100 } },
  {
    name: 'connections by time seen',
    answer: answers.connections,
    request: { sort: '-lastSeenAt', limit: 100 },
  },
  { name: 'listeners', answer: answers.listeners, request: {} },
  { name: 'hosts', answer: answers.hosts, request: {} },
];

export async function runQuestions(connections: number): Promise<QuestionRun[]> {
  const load = new FleetLoad(
    Math.max(2, Math.round((2 * connections) / perHost)),
    perHost,
    1 << 22,
    peersPerHost,
  );
  load.prepareSnapshots();
  load.receive();
  load.pass(1_000);
  await startSieve(load);
  const runs: QuestionRun[] = [];
  for (const question of questions) runs.push(await runQuestion(load, question));
  return runs;
}

/** Asks until the thread is there; where connections are few it never is. */
async function startSieve({ view }: FleetLoad): Promise<void> {
  const { sieveThread } = view;
  const request = { ...emptyRequest, q: 'nobody' };
  do {
    await new AnswerTurns().ask(answers.to(view, request, 1_700_000_001_000, seesAll));
  } while (sieveThread?.isStarting === true);
}

async function runQuestion({ view }: FleetLoad, { name, answer, request }: Question): Promise<QuestionRun> {
  const turns = new AnswerTurns();
  const ask = async (): Promise<object> =>
    (await turns.ask(answer(view, { ...emptyRequest, ...request }, 1_700_000_001_000, seesAll)))!;
  global.gc?.();
  const rows = rowsOf(await ask());
  const longest: number[] = [];
  const costs: Cost[] = [];
  for (let n = 0; n < asks; n++) {
    const pauses = new Pauses();
    await pauses.begun();
    await ask();
    longest.push(await pauses.end());
    // To look for pauses takes a processor, so that it is not done here.
    costs.push(await costOf(ask));
  }
  const middle = (key: keyof Cost): number => median(costs.map((cost) => cost[key]));
  return {
    name,
    wallMs: middle('wallMs'),
    cpuMs: middle('cpuMs'),
    loopCpuMs: middle('loopCpuMs'),
    pauseMs: Math.max(...longest),
    rows,
  };
}

type Cost = Pick<QuestionRun, 'wallMs' | 'cpuMs' | 'loopCpuMs'>;

async function costOf(ask: () => Promise<unknown>): Promise<Cost> {
  const loopClock = openThreadClock();
  const [begunMs, loopBegunMs, before] = [performance.now(), loopClock(), process.cpuUsage()];
  await ask();
  const { user, system } = process.cpuUsage(before);
  const loopCpuMs = loopClock() - loopBegunMs;
  return { wallMs: performance.now() - begunMs, cpuMs: (user + system) / 1_000, loopCpuMs };
}

/** Of its longest list. */
function rowsOf(document: object): number {
  return Math.max(0, ...Object.values(document).map((list) => (Array.isArray(list) ? list.length : 0)));
}

/** The longest time between two turns of the event loop. */
class Pauses {
  #lastMs = 0;
  #longestMs = 0;
  #isOver = false;
  readonly #ended: Promise<void>;
  readonly #begun: Promise<void>;

  constructor() {
    let begin = (): void => undefined;
    let end = (): void => undefined;
    this.#begun = new Promise((resolve) => (begin = resolve));
    this.#ended = new Promise((resolve) => (end = resolve));
    const look = (): void => {
      const nowMs = performance.now();
      this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
      this.#lastMs = nowMs;
      if (this.#isOver) end();
      else setImmediate(look);
    };
    setImmediate(() => {
      this.#lastMs = performance.now();
      begin();
      setImmediate(look);
    });
  }

  async begun(): Promise<void> {
    await this.#begun;
  }

  /** Milliseconds. */
  async end(): Promise<number> {
    this.#isOver = true;
    await this.#ended;
    return this.#longestMs;
  }
}
