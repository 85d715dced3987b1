/** What the core joins, what it lets go, and which end it takes for the client: one row per case. */
import { describe, expect, test } from 'vitest';
import { facts } from '../../../aggregator/core/connection-row.ts';
import { CorePair, columnsOf } from './core-pair.ts';
import type { PlainHalf } from './plain-core.ts';

const limits = { rowsMax: 256, graceTicks: 300, lingerTicks: 100_000, lingerMax: 1000 };
const never = -0x80000000;

const client: PlainHalf = {
  agent: 0,
  slot: 0,
  local: 0x0a000001,
  remote: 0x0a000002,
  localPort: 40_000,
  remotePort: 8743,
  place: 2,
  holder: 4,
  opened: 1000,
  bornAfter: 900,
  evidence: facts.established,
};

function mirror(half: PlainHalf, changes: Partial<PlainHalf> = {}): PlainHalf {
  const { local: remote, remote: local, localPort: remotePort, remotePort: localPort } = half;
  return { ...half, local, remote, localPort, remotePort, agent: 1, holder: 5, ...changes };
}

/** Opens halves one after the other. @returns the last outcome, of both cores */
function outcomeOf(pair: CorePair, ...halves: readonly PlainHalf[]): string {
  const told = halves.map((half) => pair.open(half.agent, [half], half.opened));
  for (const [core, plain] of told) expect(core).toEqual(plain);
  return told.at(-1)![0][0]!;
}

describe('the other end alone', () => {
  test.each([
    ['of the same moment', {}, 'joined'],
    ['born up to 1.98 s later', { opened: 1500, bornAfter: 1198 }, 'joined'],
    ['where rounding could decide', { opened: 1500, bornAfter: 1199 }, 'elsewhere'],
    ['born too late', { opened: 1500, bornAfter: 1203 }, 'elsewhere'],
    ['never looked for before', { opened: 5000, bornAfter: never }, 'joined'],
    ['of another place', { place: 4 }, 'lone'],
    ['of another protocol', { place: 3 }, 'lone'],
  ])('%s', (_, changes, outcome) => {
    expect(outcomeOf(new CorePair(2, limits), client, mirror(client, changes))).toBe(outcome);
  });

  test.each([
    ['opened before it was gone', 1198, 'joined'],
    ['opened clearly after it was gone', 1199, 'elsewhere'],
  ])('gone: %s', (_, opened, outcome) => {
    const pair = new CorePair(2, limits);
    outcomeOf(pair, client);
    pair.close(0, 0, 1000);
    expect(outcomeOf(pair, mirror(client, { opened, bornAfter: never }))).toBe(outcome);
  });
});

describe('a four-tuple that is used again', () => {
  function afterLife(): CorePair {
    const pair = new CorePair(2, limits);
    outcomeOf(pair, client, mirror(client));
    pair.close(0, 0, 1000);
    pair.close(1, 0, 1000);
    return pair;
  }

  test.each([
    ['clearly later', 1203, 'lone'],
    ['where rounding could decide', 1202, 'elsewhere'],
    ['maybe the same one', 1100, 'elsewhere'],
  ])('%s', (_, bornAfter, outcome) => {
    const pair = afterLife();
    const again = { ...client, slot: 1, opened: 5000, bornAfter };
    expect(outcomeOf(pair, again)).toBe(outcome);
    expect(pair.left).toEqual(outcome === 'lone' ? [] : ['4 5']);
  });

  test('both lives are there, and the second end joins the second', () => {
    const pair = afterLife();
    const again = { ...client, slot: 1, opened: 5000, bornAfter: 4900 };
    expect(outcomeOf(pair, again, mirror(again))).toBe('joined');
    const [core, plain] = pair.connections();
    expect(core).toEqual(plain);
    expect(core).toHaveLength(2);
    expect(pair.edges()[0]).toEqual(['104>105:8743/0/1 1 of 2, 0/0']);
  });

  test('all lives leave together, the oldest first, and count in no edge then', () => {
    const pair = afterLife();
    const again = { ...client, slot: 1, holder: 6, opened: 5000, bornAfter: 4900 };
    outcomeOf(pair, again, mirror(again));
    expect(outcomeOf(pair, { ...again, slot: 2 })).toBe('elsewhere');
    expect(pair.left).toEqual(['4 5', '6 5']);
    expect(pair.connections()).toEqual([[], []]);
    expect(pair.edges()).toEqual([[], []]);
  });
});

describe('what leaves the core', () => {
  test.each([
    ['a rival of another host', [client, { ...client, agent: 1, holder: 6 }]],
    ['a half whose close was missed', [client, { ...client, slot: 1, opened: 5000, bornAfter: 4900 }]],
    ['a socket connected to itself', [{ ...client, remote: client.local, remotePort: client.localPort }]],
  ])('%s', (_, halves) => {
    const pair = new CorePair(2, limits);
    expect(outcomeOf(pair, ...halves)).toBe('elsewhere');
    // Whoever comes later is sent there too, until nobody is left.
    const last = halves.at(-1)!;
    expect(outcomeOf(pair, mirror(last, { slot: 7 }))).toBe('elsewhere');
    pair.withdraw(0);
    pair.withdraw(1);
    expect(outcomeOf(pair, { ...last, slot: 3 })).toBe(halves.length === 1 ? 'elsewhere' : 'lone');
  });
});

test('a key that is retained is elsewhere, with what stood there, until it is released', () => {
  const pair = new CorePair(2, limits);
  outcomeOf(pair, client, mirror(client));
  const tuple = columnsOf([client]);
  const stub = pair.core.retainKey(tuple, 0);
  expect(pair.left).toEqual(['4 5']);
  expect(pair.edges()[0]).toEqual([]);
  const told = (slot: number): string => pair.open(0, [{ ...client, slot }], 1000)[0][0]!;
  expect(told(1)).toBe('elsewhere');
  pair.core.releaseKey(stub);
  expect(told(2)).toBe('elsewhere');
  pair.withdraw(0);
  pair.withdraw(1);
  expect([pair.core.live, told(3)]).toEqual([0, 'lone']);
  // A key that nobody has yet.
  const other = columnsOf([{ ...client, place: 8 }]);
  const free = pair.core.retainKey(other, 0);
  expect(pair.core.retainKey(other, 0)).toBe(free);
  pair.core.releaseKey(free);
  pair.core.releaseKey(free);
  expect(pair.core.live).toBe(1);
});

describe('listeners', () => {
  const port = 8743 << 1;

  test('one that comes later turns a connection round; it stays so when that one goes', () => {
    const pair = new CorePair(2, limits);
    const server = mirror(client, { localPort: 40_001, remotePort: 40_000 });
    const dialed = { ...client, remotePort: 40_001 };
    outcomeOf(pair, dialed, server);
    expect(pair.edges()[0]).toEqual(['105>104:40000/0/1 1 of 1, 0/0']);
    pair.listening.add(5, 40_001 << 1, 0);
    pair.listen(1);
    expect(pair.edges()[0]).toEqual(['104>105:40001/0/1 1 of 1, 0/0']);
    pair.listening.remove(5, 40_001 << 1, 0);
    pair.listen(1);
    expect(pair.edges()[0]).toEqual(['104>105:40001/0/1 1 of 1, 0/0']);
  });

  test('a handshake is weaker, ports are weaker still', () => {
    const pair = new CorePair(2, limits);
    // By the handshake, the end with the lower port dialed.
    outcomeOf(pair, client, mirror(client, { evidence: facts.dialedA }));
    expect(pair.edges()[0]).toEqual(['105>104:40000/0/1 1 of 1, 0/0']);
    pair.listening.add(5, port, 0);
    pair.listen(1);
    expect(pair.edges()[0]).toEqual(['104>105:8743/0/1 1 of 1, 0/0']);
  });
});

test('what rests is over, and opens again', () => {
  const pair = new CorePair(2, limits);
  outcomeOf(pair, client, mirror(client));
  const openOf = (): string => pair.edges()[0][0]!;
  pair.learn(0, 0, facts.restingA, 1100);
  expect(openOf()).toContain(' 1 of 1,');
  pair.learn(1, 0, facts.restingA, 1100);
  expect(openOf()).toContain(' 0 of 1,');
  pair.learn(1, 0, facts.established, 1200);
  expect(openOf()).toContain(' 1 of 1,');
  for (const [core, plain] of [pair.edges(), pair.connections()]) expect(core).toEqual(plain);
});
