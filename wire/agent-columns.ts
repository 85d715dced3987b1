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
  /** A column goes by the prefix of its section and its own name: openSlot, open_slot in the proto file. */
  readonly prefix: string;
  readonly columns: readonly (keyof AgentBatch[Name] & string)[];
}

const layouts: { readonly [Name in SectionName]: Layout<Name> } = {
  opens: {
    prefix: 'open',
    columns: [
      ...(['slot', 'localAddress', 'remoteAddress', 'ports', 'meta', 'netns', 'inode', 'uid'] as const),
      ...(['process', 'fd', 'ageMs', 'unseenMs', 'id'] as const),
    ],
  },
  closes: { prefix: 'close', columns: ['slot', 'ageMs'] },
  updates: { prefix: 'update', columns: ['slot', 'state', 'inode'] },
  owners: { prefix: 'owner', columns: ['slot', 'process', 'fd'] },
  nat: { prefix: 'nat', columns: ['slot', 'role'] },
  stages: { prefix: 'stage', columns: ['slot', 'localAddress', 'remoteAddress', 'ports', 'v6'] },
  counters: { prefix: 'counter', columns: ['slot', 'sent', 'received', 'rttUs', 'retransmits'] },
};

/** Columns that are no part of a section. */
const lists: Readonly<Record<Lists, string>> = {
  reownedSlots: 'reownedSlot',
  droppedProcesses: 'droppedProcesses',
  droppedNetns: 'droppedNetns',
};

/** The columns under the names that proto-loader gives their fields; it leaves out empty ones. */
export type ColumnFields = Readonly<Record<string, number[]>>;

export function encodeColumns(batch: Sections): ColumnFields {
  const fields: Record<string, number[]> = {};
  for (const [section, { prefix, columns }] of Object.entries(layouts)) {
    const values = batch[section as SectionName] as unknown as Record<string, ArrayLike<number>>;
    for (const column of columns) fields[fieldName(prefix, column)] = array(values[column]!);
  }
  for (const [list, field] of Object.entries(lists)) fields[field] = array(batch[list as Lists]);
  return fields;
}

function fieldName(prefix: string, column: string): string {
  return `${prefix}${column[0]!.toUpperCase()}${column.slice(1)}`;
}

function array(column: ArrayLike<number>): number[] {
  return Array.isArray(column) ? (column as number[]) : Array.from(column);
}

/** Throws WireError for columns of unequal length, slots out of range, unknown states and inexact ids. */
export function decodeColumns(columns: ReadonlyMap<string, Column>): Sections {
  const list = (name: Lists): U32Column => columns.get(lists[name]) ?? [];
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
  const { prefix, columns } = layouts[name];
  const found = columns.map((column) => received.get(fieldName(prefix, column)));
  const count = Math.max(...found.map((values) => values?.length ?? 0));
  const result: Record<string, Column> = {};
  for (const [i, column] of columns.entries()) {
    const values = found[i] ?? new Uint32Array(count);
    if (values.length !== count) {
      throw new WireError(
        'column-length',
        `${prefix}: column ${column} has ${values.length} of ${count} rows`,
      );
    }
    result[column] = values;
  }
  checkSlots(`${prefix}_slot`, result['slot']!);
  return result as unknown as AgentBatch[Name];
}

function checkOpens(opens: AgentBatch['opens']): AgentBatch['opens'] {
  for (let row = 0; row < opens.meta.length; row++) {
    const meta = opens.meta[row]!;
    if (unpackMeta(meta) === null) {
      const state = `state ${meta & 0xff} of protocol ${(meta >>> 8) & 0xff}`;
      throw new WireError('unknown-state', `open_meta row ${row} has ${state}`);
    }
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
  checkPerSlot(nat.slot, 1, 'nat rows');
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
  checkPerSlot(counters.slot, 1, 'counter rows');
  checkExact('counter_sent', counters.sent);
  checkExact('counter_received', counters.received);
  return counters;
}

/** A column of 64 bits. */
function checkExact(field: string, values: ArrayLike<number>): void {
  for (let row = 0; row < values.length; row++) {
    if (!Number.isSafeInteger(values[row])) checkInteger(`${field} row ${row}`, values[row]!);
  }
}

function checkPerSlot(slots: U32Column, max: number, what: string): void {
  const counts = new Map<number, number>();
  for (let row = 0; row < slots.length; row++) {
    const slot = slots[row]!;
    const count = (counts.get(slot) ?? 0) + 1;
    if (count > max) throw new WireError('too-many', `slot ${slot} has more than ${max} ${what}`);
    counts.set(slot, count);
  }
}

function checkSlots(field: string, slots: U32Column): U32Column {
  for (let row = 0; row < slots.length; row++) {
    if (slots[row]! >= slotsMax) {
      throw new WireError('bad-slot', `${field} row ${row} is ${slots[row]}, slots end below ${slotsMax}`);
    }
  }
  return slots;
}
