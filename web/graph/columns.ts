/**
 * The layout of small maps: columns of services, callers left of what they call, neighbours at similar heights.
 * Once placed, a service stays: only what is new gets a place.
 */
import { type Drawing, isBetweenTwo } from './drawing.ts';
import { groupBy } from './group.ts';
import { rankServices } from './ranks.ts';

/** Beyond these a diagram of columns is no longer read but searched; the overview takes over. */
const columnServicesMax = 24;
/** Around one service columns are lists of its callers and callees, which are read even when they are long. */
const focusServicesMax = 60;
const columnEdgesMax = 160;

/** @param hasFocus whether the drawing is about a single service. */
export function fitsColumns(drawing: Drawing, hasFocus: boolean): boolean {
  const servicesMax = hasFocus ? focusServicesMax : columnServicesMax;
  return drawing.services.size <= servicesMax && drawing.edges.length <= columnEdgesMax;
}

/** Grid place. Both may be negative or fractional: only differences matter. */
export interface Slot {
  readonly column: number;
  readonly row: number;
}

export type Slots = ReadonlyMap<string, Slot>;

/** Alternating passes that pull a column's order towards its neighbours on one side. */
const orderingPasses = 6;

/** Places every service of `drawing`; those in `before` keep their slot. */
export function placeInColumns(drawing: Drawing, before: Slots): Slots {
  const kept = [...drawing.services.keys()].filter((name) => before.has(name));
  if (kept.length === 0) return placeAfresh(drawing);
  const slots = new Map(kept.map((name) => [name, before.get(name)!]));
  const neighbours = neighboursOf(drawing);
  for (const name of drawing.services.keys()) {
    if (!slots.has(name)) slots.set(name, freeSlot(name, drawing, neighbours, slots));
  }
  return slots;
}

function placeAfresh(drawing: Drawing): Slots {
  const ranks = rankServices(drawing);
  const neighbours = neighboursOf(drawing);
  const byColumn = groupBy([...drawing.services.keys()].sort(), (name) => ranks.get(name)!);
  const columns = [...byColumn].sort(([a], [b]) => a - b).map(([, names]) => names);
  const rows = new Map<string, number>();
  for (const names of columns) spread(names, rows);
  for (let pass = 0; pass < orderingPasses; pass++) {
    for (const names of pass % 2 === 0 ? columns : columns.toReversed()) {
      const wanted = new Map(
        names.map((name) => [name, meanRow(neighbours.get(name)!, rows) ?? rows.get(name)!]),
      );
      names.sort((a, b) => wanted.get(a)! - wanted.get(b)! || (a < b ? -1 : 1));
      spread(names, rows);
    }
  }
  return new Map(
    columns.flatMap((names, column) =>
      names.map((name) => [name, { column, row: rows.get(name)! }] as const),
    ),
  );
}

/** One row apart, centred on row 0. */
function spread(names: readonly string[], rows: Map<string, number>): void {
  for (const [i, name] of names.entries()) rows.set(name, i - (names.length - 1) / 2);
}

function meanRow(names: readonly string[], rows: ReadonlyMap<string, number>): number | null {
  const known = names.flatMap((name) => rows.get(name) ?? []);
  return known.length === 0 ? null : known.reduce((sum, row) => sum + row, 0) / known.length;
}

/**
 * Beside the placed services that it calls or is called by, at the nearest height where nothing stands; never above
 * the top row, for the whole map would have to make room there.
 */
function freeSlot(
  name: string,
  drawing: Drawing,
  neighbours: ReadonlyMap<string, readonly string[]>,
  slots: ReadonlyMap<string, Slot>,
): Slot {
  const placed = (edgeEnd: string): Slot[] => (slots.get(edgeEnd) === undefined ? [] : [slots.get(edgeEnd)!]);
  const servers = drawing.edges.filter((edge) => edge.client === name).flatMap((edge) => placed(edge.server));
  const clients = drawing.edges.filter((edge) => edge.server === name).flatMap((edge) => placed(edge.client));
  let column = 0;
  if (servers.length > 0) column = Math.min(...servers.map((slot) => slot.column)) - 1;
  else if (clients.length > 0) column = Math.max(...clients.map((slot) => slot.column)) + 1;
  const rows = new Map([...slots].map(([other, slot]) => [other, slot.row]));
  const wanted = Math.round(meanRow(neighbours.get(name)!, rows) ?? 0);
  const taken = [...slots.values()].filter((slot) => slot.column === column).map((slot) => slot.row);
  const top = Math.min(...rows.values());
  for (let distance = 0; ; distance++) {
    for (const row of [wanted + distance, wanted - distance]) {
      if (row >= top && taken.every((other) => Math.abs(other - row) >= 1)) return { column, row };
    }
  }
}

function neighboursOf(drawing: Drawing): Map<string, string[]> {
  const neighbours = new Map<string, string[]>([...drawing.services.keys()].map((name) => [name, []]));
  for (const edge of drawing.edges.filter(isBetweenTwo)) {
    neighbours.get(edge.client)!.push(edge.server);
    neighbours.get(edge.server)!.push(edge.client);
  }
  return neighbours;
}
