/** Translations and records of a host that lies: they do not part the ends of others, nor cost more with their number. */
import { describe, expect, it } from 'vitest';
import { generationsMax } from '../../../aggregator/correlate/connection-table.ts';
import { flowsPerKeyMax } from '../../../aggregator/correlate/flows.ts';
import type { ReportedFlow, ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { stagesMax } from '../../../model/translation.ts';
import { kept, recount } from '../../support/match-recount.ts';
import { fc } from '../../support/random-cases.ts';
import { hostNetns, netnsOf, ReportedFleet } from '../../support/reported-fleet.ts';

const containerNetns = 11;

/** What honest hosts tell, each in its order: `host: netns local>remote`, and the stage it is translated to. */
const honest = {
  a: [
    [hostNetns, '10.0.0.1:40000>10.0.0.2:80', null],
    [containerNetns, '172.17.0.2:40001>10.0.0.2:80', '10.0.0.1:61000>10.0.0.2:80'],
    [hostNetns, '10.0.0.1:40002>10.0.0.2:18080', null],
    [hostNetns, '10.0.0.1:40003>10.0.0.3:30443', null],
  ],
  b: [
    [hostNetns, '10.0.0.2:80>10.0.0.1:40000', null],
    [hostNetns, '10.0.0.2:80>10.0.0.1:61000', null],
    [containerNetns, '172.17.0.2:9007>10.0.0.1:40002', '10.0.0.2:18080>10.0.0.1:40002'],
    [containerNetns, '10.244.2.2:8443>10.0.0.3:50000', null],
  ],
} as const;
const passedOn = ['10.0.0.1:40003>10.0.0.3:30443', '10.0.0.3:50000>10.244.2.2:8443'] as const;
const addressesOf = { a: '10.0.0.1', b: '10.0.0.2', f: '10.0.0.3', m: '10.0.0.9' } as const;

const told = [...honest.a, ...honest.b].flatMap(([, tuple, stage]) => [tuple, stage ?? tuple]);
const tuples = [...new Set([...told, ...passedOn, ...told.map(turned)])];

function turned(tuple: string): string {
  return tuple.split('>').reverse().join('>');
}

/** Of what others talk about, and of addresses that are the liar's own. */
const anyTuple = fc.oneof(
  fc.constantFrom(...tuples),
  fc.tuple(fc.constantFrom(...tuples), fc.constantFrom(...tuples)).map(([one, other]) => {
    return `${one.split('>')[0]}>${other.split('>')[1]}`;
  }),
  fc.constantFrom(...tuples).map((tuple) => `10.0.0.9:7>${tuple.split('>')[1]}`),
  fc.constantFrom(...tuples).map((tuple) => `${tuple.split('>')[0]}>10.0.0.9:7`),
);
const lie = fc.record({
  kind: fc.constantFrom('open', 'open', 'translate', 'forward', 'end', 'close'),
  which: fc.nat(7),
  port: fc.integer({ min: 1, max: 4 }),
  netns: fc.constantFrom(hostNetns, containerNetns),
  /** Its own tuple is its own: with a raw one it can be ambiguous at most, as any host. */
  local: fc.constantFrom('10.0.0.9', '172.17.0.2', '127.0.0.1'),
  tuple: anyTuple,
  stages: fc.array(anyTuple, { minLength: 1, maxLength: stagesMax }),
  role: fc.constantFrom('client', 'server'),
});
type Lie = typeof lie extends fc.Arbitrary<infer Value> ? Value : never;

class Play {
  readonly fleet = new ReportedFleet();
  readonly #sockets: ReportedSocket[] = [];
  readonly #flows: ReportedFlow[] = [];
  /** What each honest host has still to tell. */
  readonly left: Readonly<Record<'a' | 'b' | 'f', (() => void)[]>> = {
    a: this.#stepsOf('a', honest.a),
    b: this.#stepsOf('b', honest.b),
    f: [
      () => this.#appear('f'),
      () => void this.fleet.forward(this.fleet.hosts.get('f')!, passedOn[0], passedOn[1]),
    ],
  };

  constructor() {
    this.#appear('m');
  }

  #appear(name: keyof typeof addressesOf): void {
    const addresses = [addressesOf[name], '172.17.0.1'];
    const host = this.fleet.host(name, { addresses, localNetworks: ['172.17.0.0/16'] });
    const inner = name === 'b' ? ['172.17.0.2', '10.244.2.2'] : ['172.17.0.2'];
    host.netns.set(containerNetns, netnsOf(containerNetns, { addresses: inner }));
    this.fleet.view.reports.hostChanged(host, this.fleet.nowMs);
  }

  #stepsOf(name: 'a' | 'b', sockets: readonly (readonly [number, string, string | null])[]): (() => void)[] {
    return [
      () => this.#appear(name),
      ...sockets.flatMap(([netns, tuple, stage]) => {
        const [local, remote] = tuple.split('>');
        let socket: ReportedSocket;
        const open = (): void => {
          socket = this.fleet.open(this.fleet.hosts.get(name)!, local!, remote!, { netns, program: name });
        };
        const role = name === 'a' ? 'client' : 'server';
        return stage === null ? [open] : [open, () => this.fleet.translate(socket, role, [stage])];
      }),
    ];
  }

  lie({ kind, which, port, netns, local, tuple, stages, role }: Lie): void {
    const { fleet } = this;
    const m = fleet.hosts.get('m')!;
    const socket = this.#sockets[which];
    if (kind === 'open') {
      this.#sockets.push(fleet.open(m, `${local}:${port}`, tuple.split('>')[1]!, { netns, program: 'm' }));
    } else if (kind === 'forward') {
      this.#flows.push(fleet.forward(m, tuple, stages[0]!));
    } else if (kind === 'end' && this.#flows[which] !== undefined) {
      fleet.view.reports.forwardEnded(this.#flows[which], fleet.nowMs);
    } else if (kind === 'close' && socket !== undefined && socket.closedAtMs === null) {
      fleet.close(socket);
    } else if (socket !== undefined && socket.closedAtMs === null) {
      fleet.translate(socket, role as 'client' | 'server', stages);
    }
  }

  /** `client server` by the names of their hosts. */
  get pairs(): string[] {
    return this.fleet
      .connections()
      .map(({ client, server }) => [client, server].map((end) => end.socket?.host.name ?? '?').join(' '))
      .sort((one, other) => one.localeCompare(other));
  }
}

describe('a host that lies about translations', () => {
  it('does not come between the ends of others, whatever it says and when', () => {
    const turns = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'f'), lie, lie), {
      minLength: 5,
      maxLength: 40,
    });
    fc.assert(
      fc.property(turns, (story) => {
        const play = new Play();
        for (const turn of story) {
          if (typeof turn === 'string') play.left[turn as 'a' | 'b' | 'f'].shift()?.();
          else play.lie(turn);
        }
        for (const steps of Object.values(play.left)) for (const step of steps.splice(0)) step();
        expect(play.pairs.filter((pair) => !pair.includes('m'))).toEqual(['a b', 'a b', 'a b', 'a b']);
        expect(kept(play.fleet.view)).toEqual(recount(play.fleet.view));
        expect(play.pairs.filter((pair) => /[abf]/.test(pair) && pair.includes('m'))).toEqual([]);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 300) },
    );
  });

  it('fills no key with more than may be, and what is left out is counted', () => {
    const fleet = new ReportedFleet();
    const m = fleet.host('m', { addresses: ['10.0.0.9'] });
    const extra = 500;
    for (let n = 0; n < generationsMax + extra; n++) {
      const socket = fleet.open(m, `10.0.0.9:${1_000 + n}`, '10.9.9.9:80');
      fleet.translate(socket, 'client', [
        '10.0.0.9:1>10.9.9.9:80',
        '10.0.0.9:2>10.9.9.9:80',
        '10.0.0.9:3>10.9.9.9:80',
      ]);
    }
    // Three stages on its host, and the last of them on the wire.
    expect(fleet.view.correlator.refused.unfiled).toBe(4 * extra);
    for (const { client } of fleet.connections()) fleet.close(client.socket!);
    fleet.pass(60 * 60_000);
    expect(Object.entries(fleet.view.sizes).filter(([, size]) => size > 0)).toEqual([]);
  });

  it('takes a bounded number of records under one tuple, those that ended first', () => {
    const fleet = new ReportedFleet();
    const flows = Array.from({ length: flowsPerKeyMax + 3 }, (_, n) => {
      const host = fleet.host(`m${n}`, { addresses: [`10.0.1.${n}`] });
      return fleet.forward(host, '10.9.9.9:1>10.8.8.8:2', `10.0.1.${n}:3>10.7.7.7:4`);
    });
    expect(fleet.view.correlator.flows.refused).toBe(3);
    fleet.view.reports.forwardEnded(flows[0]!, fleet.nowMs);
    fleet.forward(fleet.hosts.get('m9')!, '10.9.9.9:1>10.8.8.8:2', '10.0.1.9:3>10.7.7.7:4');
    expect(fleet.view.correlator.flows.refused).toBe(3);
    for (const flow of flows) fleet.view.reports.forwardEnded(flow, fleet.nowMs);
  });
});
