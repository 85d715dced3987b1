/** Look-ups of sockets over tables that hold what a test puts into them. */
import { describe, expect, it } from 'vitest';
import { type AskedTables, lookUpsAtOnceMax, Translations } from '../../../agent/conntrack/translations.ts';
import { WaitingSockets } from '../../../agent/conntrack/waiting-sockets.ts';
import type { ConntrackEntry } from '../../../agent/netlink/conntrack-entry.ts';
import type { ConntrackAnswer } from '../../../agent/netlink/conntrack-socket.ts';
import { isSentBy } from '../../../agent/netlink/conntrack-tuple.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { type Fate, type Succession, unheard } from '../../../agent/succession.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import { type FourTuple, reverse } from '../../../model/four-tuple.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { outermost } from '../../../model/translation.ts';
import { fc } from '../../support/random-cases.ts';
import { entryOf } from '../netlink/conntrack-messages.ts';
import { containerNetns, hostNetns, opening, socketBetween } from './sockets.ts';

/** Entries by namespace; one without any tracks nothing. */
class ShownTables implements AskedTables {
  readonly own = hostNetns;
  readonly entries = new Map<number, ConntrackEntry[]>();
  /** Namespace and number of questions of each datagram. */
  readonly asked: [netns: number, questions: number][] = [];
  isSilent = false;

  put(netns: number, ...entries: ConntrackEntry[]): void {
    this.entries.set(netns, [...(this.entries.get(netns) ?? []), ...entries]);
  }

  isTracking(netns: number): boolean {
    return this.entries.has(netns);
  }

  ask(netns: number, questions: Parameters<AskedTables['ask']>[1]): ConntrackAnswer[] {
    this.asked.push([netns, questions.length]);
    return questions.map(({ protocol, tuple }): ConntrackAnswer => {
      if (this.isSilent) return 'unanswered';
      const isAbout = (entry: ConntrackEntry): boolean =>
        entry.protocol === protocol && (isSentBy(entry.original, tuple) || isSentBy(entry.reply, tuple));
      return this.entries.get(netns)!.find(isAbout) ?? 'none';
    });
  }
}

const slice = new TimeSlice();
const masqueraded = entryOf('172.17.0.2:45000 -> 10.1.2.1:8743', '10.1.2.1:8743 -> 10.1.1.1:45000');
const client = socketBetween('172.17.0.2:45000', '10.1.2.1:8743', { netns: containerNetns });

/** `n` connections of the host, and an entry for each. */
function plainConnections(
  n: number,
  passedNat: boolean,
): { sockets: OwnedSocket[]; entries: ConntrackEntry[] } {
  const ports = Array.from({ length: n }, (_, i) => 1000 + i);
  return {
    sockets: ports.map((port) => socketBetween(`10.1.1.1:${port}`, '10.1.2.1:443')),
    entries: ports.map((port) =>
      entryOf(`10.1.1.1:${port} -> 10.1.2.1:443`, `10.1.2.1:443 -> 10.1.1.1:${port}`, { passedNat }),
    ),
  };
}

describe('translations', () => {
  it('are looked up once', async () => {
    const tables = new ShownTables();
    tables.put(hostNetns, masqueraded);
    const translations = new Translations(tables);
    await translations.note([opening(1, client)], slice);
    expect(await translations.find(0, slice)).toEqual([
      {
        kind: 'translated',
        id: 1,
        translation: {
          role: 'client',
          stages: [{ local: { ip: '10.1.1.1', port: 45000 }, remote: client.remote }],
        },
      },
    ]);
    expect(await translations.find(100_000, slice)).toEqual([]);
    // The container tracks nothing itself.
    expect(tables.asked).toEqual([[hostNetns, 1]]);
    expect(translations).toMatchObject({ translatedTotal: 1, isNatConfigured: true, table: { size: 0 } });
  });

  it('are not looked up where nothing is tracked', async () => {
    const tables = new ShownTables();
    const translations = new Translations(tables);
    await translations.note([opening(1, client)], slice);
    expect(await translations.find(0, slice)).toEqual([]);
    expect([tables.asked, translations.table.size]).toEqual([[], 0]);
  });

  it('are not looked up for listeners, and for what has closed meanwhile', async () => {
    const tables = new ShownTables();
    tables.put(hostNetns, masqueraded);
    const translations = new Translations(tables);
    const listener = socketBetween('0.0.0.0:80', '0.0.0.0:0', { state: 'listen' });
    const bound = socketBetween('0.0.0.0:53', '0.0.0.0:0', { protocol: 'udp', state: 'unconnected' });
    const closed = { kind: 'closed', id: 3, socket: client, closedAtMs: 1 } as const;
    await translations.note([opening(1, listener), opening(2, bound), opening(3, client), closed], slice);
    expect(await translations.find(0, slice)).toEqual([]);
    expect(tables.asked).toEqual([]);
  });

  it('are looked up later for a UDP socket that has not sent yet', async () => {
    const tables = new ShownTables();
    const translations = new Translations(tables);
    await translations.note([opening(1, { ...client, protocol: 'udp' })], slice);
    expect(await translations.find(0, slice)).toEqual([]);
    tables.put(hostNetns, { ...masqueraded, protocol: 'udp' });
    expect(await translations.find(999, slice)).toEqual([]);
    expect(await translations.find(1_000, slice)).toMatchObject([{ id: 1 }]);
  });

  it('come from the namespace of a container too', async () => {
    const tables = new ShownTables();
    tables.put(containerNetns, entryOf('172.17.0.2:1 -> 10.1.2.1:80', '127.0.0.1:15001 -> 172.17.0.2:1'));
    const translations = new Translations(tables);
    const sidecar = socketBetween('127.0.0.1:15001', '172.17.0.2:1', { netns: containerNetns });
    await translations.note([opening(1, sidecar)], slice);
    expect(await translations.find(0, slice)).toEqual([
      {
        kind: 'translated',
        id: 1,
        translation: {
          role: 'server',
          stages: [{ local: { ip: '10.1.2.1', port: 80 }, remote: { ip: '172.17.0.2', port: 1 } }],
        },
      },
    ]);
    // What happens inside a container says nothing of the host.
    expect(translations.isNatConfigured).toBe(false);
  });

  it('are asked for in batches', async () => {
    const tables = new ShownTables();
    const { sockets, entries } = plainConnections(150, true);
    tables.put(hostNetns, ...entries);
    const translations = new Translations(tables);
    await translations.note(
      sockets.map((socket, i) => opening(i, socket)),
      slice,
    );
    const findings = await translations.find(0, slice);
    expect(new Set(findings.map(({ id }) => id)).size).toBe(150);
    expect(tables.asked.map(([, questions]) => questions)).toEqual([8, 64, 64, 14]);
    expect(translations.lookUps).toEqual({ asked: 150, hits: 150, unanswered: 0 });
  });

  it('leave the event loop its turns', async () => {
    const tables = new ShownTables();
    tables.put(hostNetns, masqueraded);
    const translations = new Translations(tables);
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    const impatient = new TimeSlice(0);
    const { sockets } = plainConnections(10_000, true);
    await translations.note(
      sockets.map((socket, i) => opening(i, socket)),
      impatient,
    );
    expect(turns).toBeGreaterThanOrEqual(9);
    await translations.find(0, impatient);
    isOver = true;
    expect(turns).toBeGreaterThan(100);
  });

  it('are not asked for further when the newest conversations have met no NAT', async () => {
    const tables = new ShownTables();
    const { sockets, entries } = plainConnections(150, false);
    tables.put(hostNetns, ...entries);
    const translations = new Translations(tables);
    await translations.note(
      sockets.map((socket, i) => opening(i, socket)),
      slice,
    );
    expect(await translations.find(0, slice)).toHaveLength(8);
    expect(tables.asked).toEqual([[hostNetns, 8]]);
    expect(translations.isNatConfigured).toBe(false);
    // Those that were there before the agent may have been translated by rules that are gone.
    await translations.note(
      sockets.map((socket, i) => opening(1000 + i, socket, 0)),
      slice,
    );
    expect(await translations.find(0, slice)).toHaveLength(150);
  });

  it('that the kernel does not tell are counted, and asked for once more', async () => {
    const tables = new ShownTables();
    tables.put(hostNetns, masqueraded);
    tables.isSilent = true;
    const translations = new Translations(tables, new WaitingSockets());
    await translations.note([opening(1, client)], slice);
    expect(await translations.find(0, slice)).toEqual([]);
    tables.isSilent = false;
    expect(await translations.find(1_000, slice)).toMatchObject([{ id: 1 }]);
    expect(translations.lookUps).toEqual({ asked: 2, hits: 1, unanswered: 1 });
  });
});

describe('short connections', () => {
  it('are looked up at once, where a tuple was opened twice for the later one alone', async () => {
    const tables = new ShownTables();
    tables.put(hostNetns, masqueraded);
    const translations = new Translations(tables);
    const events = [
      opening(1, client),
      { kind: 'closed', id: 1, socket: client, closedAtMs: 3 } as const,
      opening(2, client),
      opening(3, { ...client, local: { ip: '172.17.0.2', port: 1 } }),
    ];
    expect(await translations.findAtOnce(events, 0, unheard)).toMatchObject([{ kind: 'translated', id: 2 }]);
    // What was not found is gone for good.
    expect(translations.table.size).toBe(0);
  });

  const ending = entryOf('172.17.0.2:45000 -> 10.1.2.1:8743', '10.1.2.1:8743 -> 10.1.1.1:45000', {
    phase: 'ending',
  });

  it.each<[Fate, OwnedSocket, ConntrackEntry, boolean]>([
    ['over', client, ending, true],
    ['over', client, { ...ending, phase: 'over' }, true],
    ['over', client, { ...ending, phase: null }, true],
    // Its own has seen the end, so this is that of one that has just begun.
    ['over', client, masqueraded, false],
    // Nobody answered, and nobody said goodbye.
    ['over', { ...client, state: 'syn-sent' }, masqueraded, true],
    ['open', client, masqueraded, true],
    ['followed', client, ending, false],
    ['followed', client, masqueraded, false],
    ['followed', { ...client, state: 'syn-sent' }, masqueraded, false],
  ])('that are %s are told what is surely theirs (%#)', async (fate, socket, entry, isTold) => {
    const tables = new ShownTables();
    tables.put(hostNetns, entry);
    const heard: string[] = [];
    const succession: Succession = {
      hear: async () => void heard.push(`after ${tables.asked.length}`),
      fateOf: (id, asked) => {
        heard.push(`${id} ${asked === socket}`);
        return fate;
      },
    };
    const translations = new Translations(tables);
    expect(await translations.findAtOnce([opening(1, socket)], 0, succession)).toHaveLength(isTold ? 1 : 0);
    await translations.note([opening(2, socket)], slice);
    expect(await translations.find(0, slice, succession)).toHaveLength(isTold ? 1 : 0);
    // The answers are there before anybody asks what else happened.
    expect(heard).toEqual(['after 1', '1 true', 'after 2', '2 true']);
    expect(translations.disbelievedTotal).toBe(isTold ? 0 : 2);
    expect(translations.translatedTotal).toBe(isTold ? 2 : 0);
  });

  it('are passed over beyond the number for one second', async () => {
    const tables = new ShownTables();
    tables.put(hostNetns, masqueraded);
    const translations = new Translations(tables);
    const half = lookUpsAtOnceMax / 2 + 1;
    const events = Array.from({ length: half }, (_, i) =>
      opening(i, { ...client, local: { ip: '172.17.0.2', port: i } }),
    );
    for (const nowMs of [100, 1_099, 1_100]) await translations.findAtOnce(events, nowMs, unheard);
    expect(translations.passedOverTotal).toBe(2);
    expect(translations.lookUps.asked).toBe(3 * half - 2);
  });
});

/** One conversation over two hosts, of which each may translate once in the container's namespace and once in its own. */
const conversations = fc.record({
  clientSteps: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
  serverSteps: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
  port: fc.integer({ min: 1024, max: 60_000 }),
});

function entryBetween(inside: FourTuple, outside: FourTuple): ConntrackEntry {
  const text = ({ local, remote }: FourTuple) => `${formatEndpoint(local)} -> ${formatEndpoint(remote)}`;
  return entryOf(text(inside), text(reverse(outside)));
}

/** Puts the entries of one host, and returns what its socket shows. @param wire from the client to the server */
function translatedOn(
  tables: ShownTables,
  side: 'client' | 'server',
  wire: FourTuple,
  steps: readonly boolean[],
): FourTuple {
  let tuple = wire;
  for (const [i, netns] of [hostNetns, containerNetns].entries()) {
    if (!steps[i]) continue;
    const changed = { ip: `172.17.${i}.${side === 'client' ? 2 : 3}`, port: tuple.local.port + i + 1 };
    const inner = side === 'client' ? { ...tuple, local: changed } : { ...tuple, remote: changed };
    // An entry leads from where the packet comes to where it goes: outward at the client, inward at the server.
    tables.put(netns, side === 'client' ? entryBetween(inner, tuple) : entryBetween(tuple, inner));
    tuple = inner;
  }
  return side === 'client' ? tuple : reverse(tuple);
}

it('both ends find the same tuple on the wire, and which end they are', async () => {
  await fc.assert(
    fc.asyncProperty(conversations, async ({ clientSteps, serverSteps, port }) => {
      const wire = { local: { ip: '10.1.1.1', port }, remote: { ip: '10.1.2.1', port: 443 } };
      const found = [];
      for (const side of ['client', 'server'] as const) {
        const tables = new ShownTables();
        const steps = side === 'client' ? clientSteps : serverSteps;
        const shown = translatedOn(tables, side, wire, steps);
        const translations = new Translations(tables);
        const { local, remote } = shown;
        const socket = socketBetween(formatEndpoint(local), formatEndpoint(remote), {
          netns: containerNetns,
        });
        await translations.note([opening(1, socket)], slice);
        const [finding] = await translations.find(0, slice);
        const translation = finding?.kind === 'translated' ? finding.translation : null;
        if (steps.includes(true)) expect(translation?.role).toBe(side);
        found.push(outermost(shown, translation));
      }
      expect(found).toEqual([wire, reverse(wire)]);
    }),
  );
});
