/** The agents of the simulated fleet: what they tell is what the wire wants, and every connection has both its ends. */
import { expect, test } from 'vitest';
import { sizesFrom, wholeCells } from '../../bench/support/fleet/fleet-rounds.ts';
import {
  cellAgents,
  eventsPerTick,
  SimulatedAgent,
  socketsPerAgent,
} from '../../bench/support/fleet/simulated-agent.ts';
import { decodeAgentMessage } from '../support/decoded.ts';

/** More than a whole cycle. */
const ticks = 53;

test('slots are free when they are opened, and open when they are counted or closed', () => {
  const agent = new SimulatedAgent(cellAgents + 7);
  const open = socketsOf(agent.snapshot(5000));
  const wrong: string[] = [];
  for (let tick = 0; tick < ticks; tick++) {
    const { opens, closes, grown } = decodeAgentMessage(agent.next(6000 + tick, 5999 + tick));
    for (const slot of Array.from(closes.slot)) if (!open.delete(slot)) wrong.push(`${slot} closed`);
    for (const [i, slot] of Array.from(opens.slot).entries()) {
      if (open.has(slot)) wrong.push(`${slot} opened`);
      open.set(slot, tupleOf(opens, i));
    }
    for (const slot of Array.from(grown.slot)) if (!open.has(slot)) wrong.push(`${slot} counted`);
  }
  expect(wrong).toEqual([]);
  expect(open).toEqual(socketsOf(agent.snapshot(9000)));
});

test('every socket of a cell is the mirror of another, also when all have been replaced', () => {
  const cell = Array.from({ length: cellAgents }, (_, i) => new SimulatedAgent(cellAgents + i));
  for (const agent of cell) for (let tick = 0; tick < ticks; tick++) agent.next(6000 + tick, 5999 + tick);
  const tuples = cell
    .flatMap((agent) => [...socketsOf(agent.snapshot(9000)).values()])
    .filter((tuple) => !tuple.startsWith('0>'));
  const known = new Set(tuples);
  expect(known.size).toBe(cellAgents * socketsPerAgent);
  expect(tuples.filter((tuple) => !known.has(mirrored(tuple)))).toEqual([]);
});

/** By slot. */
function socketsOf(snapshot: readonly Buffer[]): Map<number, string> {
  const sockets = new Map<number, string>();
  for (const bytes of snapshot) {
    const { opens } = decodeAgentMessage(bytes);
    for (const [i, slot] of Array.from(opens.slot).entries()) sockets.set(slot, tupleOf(opens, i));
  }
  return sockets;
}

function tupleOf(
  { localAddress, remoteAddress, ports }: ReturnType<typeof decodeAgentMessage>['opens'],
  i: number,
): string {
  const packed = ports[i]!;
  return [localAddress[i], remoteAddress[i], packed >>> 16, packed & 0xffff].join('>');
}

function mirrored(tuple: string): string {
  const [local, remote, localPort, remotePort] = tuple.split('>');
  return [remote, local, remotePort, localPort].join('>');
}

test('a tick is as many events as it says', () => {
  const { opens, closes, grown } = decodeAgentMessage(new SimulatedAgent(7).next(1000, 900));
  expect(opens.slot.length + closes.slot.length + grown.slot.length).toBe(eventsPerTick);
});

test('a fleet is of whole cells', () => {
  expect([0, 1, 74, 75, 1000].map(wholeCells)).toEqual([50, 50, 50, 100, 1000]);
});

test('the search for the saturation point goes from the fleet of the goals up to what the simulated agents can do', () => {
  expect(sizesFrom(1000)).toEqual([1000, 1500, 2250, 3400, 5050, 7600]);
  expect(sizesFrom(9000)).toEqual([]);
});
