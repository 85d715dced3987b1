/** Where several could be meant: what is joined is what nothing else could be, in whatever order it was told. */
import { describe, expect, it } from 'vitest';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { asOf, hostNetns, ReportedFleet } from '../../support/reported-fleet.ts';

const [here, there] = ['10.0.0.1:40000', '10.0.0.2:80'] as const;

/** A generation of one end: born after the first moment and by the second, gone by the third; in seconds. */
type Times = readonly [bornAfter: number, bornBy: number, goneBy: number | null];

class Told {
  readonly fleet = new ReportedFleet();
  readonly startMs = this.fleet.nowMs;
  readonly client = this.fleet.host('client', { addresses: ['10.0.0.1'] });
  readonly server = this.fleet.host('server', { addresses: ['10.0.0.2'] });
  readonly lab = this.fleet.host('lab', { addresses: ['10.0.0.1'] });

  /** @param clockDoubtMs of each host */
  constructor(clockDoubtMs: number | null) {
    this.fleet.tellsAsOf = true;
    for (const host of [this.client, this.server, this.lab]) host.clockDoubtMs = clockDoubtMs;
  }

  end(name: 'client' | 'server' | 'lab', program: string, [bornAfter, bornBy, goneBy]: Times): () => void {
    const [local, remote] = name === 'server' ? [there, here] : [here, there];
    return () => {
      const socket = this.fleet.open(this[name], local, remote, {
        program,
        netns: hostNetns,
        notBeforeMs: this.startMs + 1_000 * bornAfter,
        openedAtMs: this.startMs + 1_000 * bornBy,
      });
      if (goneBy !== null) this.#close(socket, goneBy);
    };
  }

  #close(socket: ReportedSocket, goneBy: number): void {
    // Two looks have missed it.
    asOf(socket.host, this.startMs + 1_000 * (goneBy + 1));
    socket.closedAtMs = this.startMs + 1_000 * goneBy;
    this.fleet.view.reports.closed(socket, this.fleet.nowMs);
  }

  /** `client server reason`, by their programs. */
  get answer(): string[] {
    const name = (socket: ReportedSocket | null): string => socket?.owners[0]?.process.program ?? '-';
    return this.fleet
      .connections()
      .map(({ client, server, unseenBecause }) =>
        `${name(client.socket)} ${name(server.socket)} ${unseenBecause ?? ''}`.trimEnd(),
      )
      .toSorted();
  }
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

/** What is answered for those ends, which must not depend on the order of telling. */
function answerTo(
  ends: readonly (readonly [host: 'client' | 'server' | 'lab', program: string, times: Times])[],
  clockDoubtMs: number | null = null,
) {
  const answers = permutations(ends).map((order) => {
    const told = new Told(clockDoubtMs);
    for (const [host, program, times] of order) told.end(host, program, times)();
    told.fleet.nowMs = told.startMs + 60_000;
    told.fleet.pass(4_000);
    return told.answer;
  });
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  return answers[0];
}

describe('generations of one namespace', () => {
  it('are told apart by births that need no slack', () => {
    const ends = [
      ['client', 'c1', [10, 11, 12]],
      ['client', 'c2', [12, 13, 14]],
      ['server', 's1', [10.2, 11.2, 12.2]],
      ['server', 's2', [12.2, 13.2, 14.2]],
    ] as const;
    expect(answerTo(ends)).toEqual(['c1 s1', 'c2 s2']);
  });

  it('are told apart within as little as the clocks are known to differ by', () => {
    const ends = [
      ['client', 'c1', [10, 10, 10.05]],
      ['client', 'c2', [10.1, 10.1, 10.15]],
      ['server', 's1', [10.01, 10.01, 10.06]],
      ['server', 's2', [10.11, 10.11, 10.16]],
    ] as const;
    expect(answerTo(ends, 5)).toEqual(['c1 s1', 'c2 s2']);
    const ambiguous = ['- s1 ambiguous', '- s2 ambiguous', 'c1 - ambiguous', 'c2 - ambiguous'];
    expect(answerTo(ends, 50)).toEqual(ambiguous);
    expect(answerTo(ends)).toEqual(ambiguous);
  });

  it('are ambiguous where both were born with the other end', () => {
    const ends = [
      ['client', 'c1', [10, 11, 11]],
      ['client', 'c2', [11, 12, 13]],
      ['server', 's1', [10.5, 11.5, 12]],
    ] as const;
    expect(answerTo(ends)).toEqual(['- s1 ambiguous', 'c1 - ambiguous', 'c2 - ambiguous']);
  });

  it('are told apart when the newest has lived on, although nobody tells that', () => {
    const told = new Told(null);
    told.fleet.nowMs = told.startMs + 11_000;
    for (const end of [
      told.end('client', 'c1', [10, 10, 10.05]),
      told.end('server', 's1', [10, 10, 10.06]),
      told.end('client', 'c2', [10.1, 10.1, null]),
      told.end('server', 's2', [10.1, 10.1, null]),
    ])
      end();
    const ambiguous = ['- s1 ambiguous', '- s2 ambiguous', 'c1 - ambiguous', 'c2 - ambiguous'];
    told.fleet.pass(1_000);
    expect(told.answer).toEqual(ambiguous);
    told.fleet.pass(60_000);
    expect(told.answer).toEqual(ambiguous);
    // The hosts are heard of again, one after the other.
    asOf(told.client, told.startMs + 18_000);
    told.fleet.pass(1_000);
    expect(told.answer).toEqual(ambiguous);
    asOf(told.server, told.startMs + 18_000);
    told.fleet.pass(1_000);
    expect(told.answer).toEqual(['c1 s1', 'c2 s2']);
    expect(told.fleet.view.sizes['undecided']).toBe(0);
  });

  it('are ambiguous where a rival of one is told when its four-tuple has another one already', () => {
    const ends = [
      ['client', 'c1', [10, 11, 12]],
      ['server', 's1', [10, 11, 12]],
      ['client', 'c2', [30, 31, 32]],
      ['server', 's2', [30, 31, 32]],
      ['lab', 'l1', [10, 11, 12]],
    ] as const;
    const ambiguous = ['- s1 ambiguous', 'c1 - ambiguous', 'c2 s2', 'l1 - ambiguous'];
    expect(answerTo(ends)).toEqual(ambiguous);
  });

  it('are told apart by who went on beside the other end when the one before was over', () => {
    const ends = [
      ['client', 'c1', [10, 11, 11]],
      ['client', 'c2', [11, 12, 30]],
      ['server', 's1', [10.5, 11.5, 30]],
    ] as const;
    expect(answerTo(ends)).toEqual(['c1 - closed-first', 'c2 s1']);
  });

  it('do not keep an end that went on with the next one, which nobody saw begin', () => {
    const ends = [
      ['client', 'c1', [10, 11, 13]],
      ['client', 'c2', [16, 17, 30]],
      // Its agent saw no socket between the two that was not accepted, and took the second for the first.
      ['server', 's1', [10.5, 11.5, 30]],
    ] as const;
    expect(answerTo(ends)).toEqual(['c1 - closed-first', 'c2 s1']);
  });
});

describe('equal tuples of two networks', () => {
  it('are ambiguous, also when all of them are over', () => {
    const ends = [
      ['client', 'true', [10, 11, 20]],
      ['lab', 'twin', [10.1, 11.1, 20.1]],
      ['server', 's1', [10.2, 11.2, 20.2]],
    ] as const;
    expect(answerTo(ends)).toEqual(['- s1 ambiguous', 'true - ambiguous', 'twin - ambiguous']);
  });

  it('are told apart when one is over long before both others', () => {
    const ends = [
      ['client', 'true', [10, 11, 30]],
      ['lab', 'twin', [10.1, 11.1, 14]],
      ['server', 's1', [10.2, 11.2, 30]],
    ] as const;
    expect(answerTo(ends)).toEqual(['true s1', 'twin - ambiguous']);
  });
});

describe('an end of which it becomes known that it was over', () => {
  it('leaves what came into being long after', () => {
    const told = new Told(null);
    told.end('client', 'c1', [10, 11, null])();
    // The first look of its agent: it may be as old as can be.
    told.end('server', 's1', [-1_000, 40, null])();
    expect(told.answer).toEqual(['c1 s1']);
    const client = told.fleet.connections()[0]!.client.socket!;
    asOf(client.host, told.startMs + 45_000);
    client.closedAtMs = told.startMs + 20_000;
    told.fleet.view.reports.closed(client, told.fleet.nowMs);
    told.fleet.nowMs = told.startMs + 60_000;
    told.fleet.pass(4_000);
    expect(told.answer).toEqual(['- s1 ambiguous', 'c1 - closed-first']);
  });
});
