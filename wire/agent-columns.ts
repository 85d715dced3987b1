/** The row sections of AgentMessage: their columns on the wire, and what must hold for columns received. */
import { stagesMax } from '../model/translation.ts';
import type { AgentBatch, U32Column } from './agent-batch.ts';
import { ownerPairsMax, slotsMax } from './agent-limits.ts';
import { checkInteger } from './checks.ts';
import type { Column } from './column-walk.ts';
import { unpackMeta } from './packing.ts';
import { natRoles } from './protocol.ts';
import { WireError } from './wire-error.ts';

type SectionName = 'opens' | 'closes' | 'updates' | 'owners' | 'nat' | 'stages' | 'counters';
type Lists = 'reownedSlots' | 'droppedProcesses' | 'droppedNetns';
type Sections = Pick<AgentBatch, SectionName | Lists>;

interface Layout<Name extends SectionName> {
  readonly prefix: string;
  readonly columns: readonly ColumnLayout<keyof AgentBatch[Name] & string>[];
  /** The section of a message that has no row of it. */
  readonly empty: AgentBatch[Name];
}

interface ColumnLayout<Name extends string> {
  readonly name: Name;
  /** A column goes by the prefix of its section and its own name: openSlot, open_slot in the proto file. */
  readonly field: string;
}

const noValues = new Uint32Array(0);

function layout<Name extends SectionName>(
  prefix: string,
  names: readonly (keyof AgentBatch[Name] & string)[],
): Layout<Name> {
  return {
    prefix,
    columns: names.map((name) => ({ name, field: `${prefix}${name[0]!.toUpperCase()}${name.slice(1)}` })),
    empty: Object.fromEntries(names.map((name) => [name, noValues])) as unknown as AgentBatch[Name],
  };
}

const layouts: { readonly [Name in SectionName]: Layout<Name> } = {
  opens: layout<'opens'>('open', [
    ...(['slot', 'localAddress', 'remoteAddress', 'ports', 'meta', 'netns', 'inode', 'uid'] as const),
    ...(['process', 'fd', 'ageMs', 'unseenMs', 'id'] as const),
  ]),
  closes: layout<'closes'>('close', ['slot', 'ageMs']),
  updates: layout<'updates'>('update', ['slot', 'state', 'inode']),
  owners: layout<'owners'>('owner', ['slot', 'process', 'fd']),
  nat: layout<'nat'>('nat', ['slot', 'role']),
  stages: layout<'stages'>('stage', ['slot', 'localAddress', 'remoteAddress', 'ports', 'v6']),
  counters: layout<'counters'>('counter', ['slot', 'sent', 'received', 'rttUs', 'retransmits']),
};

/** Columns that are no part of a section. */
const lists: Readonly<Record<Lists, string>> = {
  reownedSlots: 'reownedSlot',
  droppedProcesses: 'droppedProcesses',
  droppedNetns: 'droppedNetns',
};

/** The columns under the names of their fields in camelCase. */
export type ColumnFields = Readonly<Record<string, ArrayLike<number>>>;

export function encodeColumns(batch: Sections): ColumnFields {
  const fields: Record<string, ArrayLike<number>> = {};
  for (const [section, { columns }] of Object.entries(layouts)) {
    const values = batch[section as SectionName] as unknown as Record<string, ArrayLike<number>>;
    for (const { name, field } of columns) fields[field] = values[name]!;
  }
  for (const [list, field] of Object.entries(lists)) fields[field] = batch[list as Lists];
  return fields;
}

/** Throws WireError for columns of unequal length, slots out of range, unknown states and inexact ids. */
export function decodeColumns(columns: ReadonlyMap<string, Column>): Sections {
  const list = (name: Lists): U32Column => columns.get(lists[name]) ?? noValues;
  return {
    opens: checkOpens(section('opens', columns)),
    closes: section('closes', columns),
    updates: section('updates', columns),
    owners: checkOwners(section('owners', columns)),
    nat: checkNat(section('nat', columns)),
    stages: checkStages(section('stages', columns)),
    counters: checkCounters(section('counters', columns)),
    reownedSlots: checkSlots('reowned_slot', list('reownedSlots')),
    droppedProcesses: list('droppedProcesses'),
    droppedNetns: list('droppedNetns'),
  };
}

/** The columns of one section, of equal length: an absent one stands for zeros. */
function section<Name extends SectionName>(
  name: Name,
  received: ReadonlyMap<string, Column>,
): AgentBatch[Name] {
  const { prefix, columns, empty } = layouts[name];
  let count = 0;
  for (const { field } of columns) count = Math.max(count, received.get(field)?.length ?? 0);
  if (count === 0) return empty;
  const result: Record<string, Column> = {};
  for (const column of columns) {
    const values = received.get(column.field) ?? new Uint32Array(count);
    if (values.length !== count) {
      const found = `${values.length} of ${count} rows`;
      throw new WireError('column-length', `${prefix}: column ${column.name} has ${found}`);
    }
    result[column.name] = values;
  }
  checkSlots(`${prefix}_slot`, result['slot']!);
  return result as unknown as AgentBatch[Name];
}

function checkOpens(opens: AgentBatch['opens']): AgentBatch['opens'] {
  const { meta } = opens;
  let known = -1;
  for (let row = 0; row < meta.length; row++) {
    const described = meta[row]!;
    // Nearly all rows of a message are alike.
    if (described === known) continue;
    if (unpackMeta(described) === null) {
      const state = `state ${described & 0xff} of protocol ${(described >>> 8) & 0xff}`;
      throw new WireError('unknown-state', `open_meta row ${row} has ${state}`);
    }
    known = described;
  }
  checkExact('open_id', opens.id);
  return opens;
}

/** The pairs of one slot are bounded too: a query walks them. */
function checkOwners(owners: AgentBatch['owners']): AgentBatch['owners'] {
  checkPerSlot(owners.slot, ownerPairsMax, 'owners');
  return owners;
}

const roles: ReadonlySet<number> = new Set(Object.values(natRoles));

function checkNat(nat: AgentBatch['nat']): AgentBatch['nat'] {
  checkOnce(nat.slot, 'nat rows');
  for (let row = 0; row < nat.role.length; row++) {
    if (roles.has(nat.role[row]!)) continue;
    throw new WireError('unknown-role', `nat_role row ${row} is ${nat.role[row]}`);
  }
  return nat;
}

function checkStages(stages: AgentBatch['stages']): AgentBatch['stages'] {
  checkPerSlot(stages.slot, stagesMax, 'stages');
  return stages;
}

function checkCounters(counters: AgentBatch['counters']): AgentBatch['counters'] {
  checkOnce(counters.slot, 'counter rows');
  checkExact('counter_sent', counters.sent);
  checkExact('counter_received', counters.received);
  return counters;
}

/** A column of 64 bits: what the walk makes of it is a whole number, and exact unless it is too great. */
function checkExact(field: string, values: ArrayLike<number>): void {
  // Absent.
  if (!(values instanceof Float64Array)) return;
  for (let row = 0; row < values.length; row++) {
    if (values[row]! > Number.MAX_SAFE_INTEGER) checkInteger(`${field} row ${row}`, values[row]!);
  }
}

function checkPerSlot(slots: U32Column, max: number, what: string): void {
  if (slots.length <= max) return;
  const counts = new Map<number, number>();
  for (let row = 0; row < slots.length; row++) {
    const slot = slots[row]!;
    const count = (counts.get(slot) ?? 0) + 1;
    if (count > max) throw moreThan(max, slot, what);
    counts.set(slot, count);
  }
}

/** The same of one row per slot, in a bit for each slot up to the greatest: slots are dense numbers below slotsMax. */
function checkOnce(slots: U32Column, what: string): void {
  let greatest = 0;
  for (let row = 0; row < slots.length; row++) greatest = Math.max(greatest, slots[row]!);
  const seen = new Uint32Array((greatest >>> 5) + 1);
  for (let row = 0; row < slots.length; row++) {
    const slot = slots[row]!;
    const bit = 1 << (slot & 31);
    if ((seen[slot >>> 5]! & bit) !== 0) throw moreThan(1, slot, what);
    seen[slot >>> 5]! |= bit;
  }
}

function moreThan(max: number, slot: number, what: string): WireError {
  return new WireError('too-many', `slot ${slot} has more than ${max} ${what}`);
}

function checkSlots(field: string, slots: U32Column): U32Column {
  for (let row = 0; row < slots.length; row++) {
    if (slots[row]! >= slotsMax) {
      throw new WireError('bad-slot', `${field} row ${row} is ${slots[row]}, slots end below ${slotsMax}`);
    }
  }
  return slots;
}
