/** A connection as a plain object, and which end of it is the client. */
import { facts } from '../../../aggregator/core/connection-row.ts';

export interface PlainEnd {
  readonly holder: number;
  readonly opened: number;
  isGone: boolean;
  isResting: boolean;
}

export interface Share {
  readonly key: string;
  readonly clientIsB: boolean;
  isOpen: boolean;
}

export interface PlainConnection {
  readonly key: string;
  readonly address: readonly [number, number];
  readonly port: readonly [number, number];
  readonly place: number;
  readonly ends: [PlainEnd | null, PlainEnd | null];
  bornAfter: number;
  evidence: number;
  rule: number;
  clientIsB: boolean;
  isPlaced: boolean;
  isOver: boolean;
  isForgotten: boolean;
  closed: number | null;
  reported: number;
  bytes: [number, number];
  share: Share | null;
}

export interface PlainSurroundings {
  nameOf(holder: number): number;
  listens(holder: number, port: number, address: number): boolean;
  isEphemeral(holder: number, port: number): boolean;
  /** Above 0 where the first is the higher. */
  compare(address: number, other: number): number;
}

export function direct(connection: PlainConnection, around: PlainSurroundings): void {
  const decided = decide(connection, around);
  if (decided.rule <= connection.rule && connection.rule > 1) return;
  connection.rule = decided.rule;
  connection.clientIsB = decided.clientIsB;
}

function decide(
  connection: PlainConnection,
  around: PlainSurroundings,
): { rule: number; clientIsB: boolean } {
  const { ends, port, address, evidence } = connection;
  const listens = ([0, 1] as const).map((side) => {
    return around.listens(ends[side]!.holder, port[side] * 2 + (connection.place & 1), address[side]);
  });
  if (listens[0] !== listens[1]) return { rule: 5, clientIsB: listens[0]! };
  if ((evidence & (facts.dialedA | facts.dialedB)) !== 0)
    return { rule: 4, clientIsB: (evidence & facts.dialedB) !== 0 };
  const [trackedA, trackedB] = [(evidence & facts.trackedA) !== 0, (evidence & facts.trackedB) !== 0];
  if (trackedA !== trackedB) return { rule: 3, clientIsB: trackedB };
  const ephemeral = ([0, 1] as const).map((side) => around.isEphemeral(ends[side]!.holder, port[side]));
  if (ephemeral[0] !== ephemeral[1]) return { rule: 2, clientIsB: ephemeral[1]! };
  const isBehind = port[0] === port[1] ? around.compare(address[0], address[1]) > 0 : port[0] > port[1];
  return { rule: 1, clientIsB: !isBehind };
}
