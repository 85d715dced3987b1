/** The row sections of a received AgentMessage, and what must hold for their columns. */
import { stagesMax } from '../model/translation.ts';
import { type AgentBatch, noRows, type U32Column } from './agent-batch.ts';
import { ownerPairsMax, slotsMax } from './agent-limits.ts';
import { checkInteger } from './checks.ts';
import { columnNumbers, type ListName, listNumbers, type SectionName } from './column-numbers.ts';
import { unpackMeta } from './packing.ts';
import { natRoles } from './protocol.ts';
import type { Column, ReceivedColumns } from './received-columns.ts';
import { WireError } from './wire-error.ts';

/**
 * The sections of the message that the columns are of. Throws WireError for columns of unequal length, slots out of range or
 * told twice, unknown states and inexact numbers.
 */
export function decodeColumns(columns: ReceivedColumns): Pick<AgentBatch, SectionName | ListName> {
  const reownedSlots = columns.read(listNumbers.reownedSlots);
  checkSlots('reowned_slot', reownedSlots);
  const counters = decodeCounters(columns);
  const grown = decodeGrown(columns, counters.slot);
  return {
    opens: decodeOpens(columns),
    closes: decodeCloses(columns),
    updates: decodeUpdates(columns),
    owners: decodeOwners(columns),
    nat: decodeNat(columns),
    stages: decodeStages(columns),
    counters,
    grown,
    reownedSlots,
    droppedProcesses: columns.read(listNumbers.droppedProcesses),
    droppedNetns: columns.read(listNumbers.droppedNetns),
  };
}

function decodeOpens(columns: ReceivedColumns): AgentBatch['opens'] {
  const number = columnNumbers.opens;
  const slot = slotsOf(columns, 'opens', 'open_slot');
  const rows = slot.length;
  if (rows === 0) return noRows.opens;
  return {
    slot,
    localAddress: columns.readRows(number.localAddress, rows),
    remoteAddress: columns.readRows(number.remoteAddress, rows),
    ports: columns.readRows(number.ports, rows),
    meta: checkMetas(columns.readRows(number.meta, rows)),
    netns: columns.readRows(number.netns, rows),
    inode: columns.readRows(number.inode, rows),
    uid: columns.readRows(number.uid, rows),
    process: columns.readRows(number.process, rows),
    fd: columns.readRows(number.fd, rows),
    ageMs: columns.readRows(number.ageMs, rows),
    unseenMs: columns.readRows(number.unseenMs, rows),
    id: checkExact('open_id', columns.readRows(number.id, rows)),
  };
}

function decodeCloses(columns: ReceivedColumns): AgentBatch['closes'] {
  const slot = slotsOf(columns, 'closes', 'close_slot');
  if (slot.length === 0) return noRows.closes;
  return { slot, ageMs: columns.readRows(columnNumbers.closes.ageMs, slot.length) };
}

function decodeUpdates(columns: ReceivedColumns): AgentBatch['updates'] {
  const number = columnNumbers.updates;
  const slot = slotsOf(columns, 'updates', 'update_slot');
  const rows = slot.length;
  if (rows === 0) return noRows.updates;
  return {
    slot,
    state: columns.readRows(number.state, rows),
    inode: columns.readRows(number.inode, rows),
  };
}

/** The pairs of one slot are bounded: a query walks them. */
function decodeOwners(columns: ReceivedColumns): AgentBatch['owners'] {
  const number = columnNumbers.owners;
  const slot = slotsOf(columns, 'owners', 'owner_slot');
  const rows = slot.length;
  if (rows === 0) return noRows.owners;
  checkPerSlot(slot, ownerPairsMax, 'owners');
  return { slot, process: columns.readRows(number.process, rows), fd: columns.readRows(number.fd, rows) };
}

function decodeNat(columns: ReceivedColumns): AgentBatch['nat'] {
  const slot = slotsOf(columns, 'nat', 'nat_slot');
  if (slot.length === 0) return noRows.nat;
  const role = columns.readRows(columnNumbers.nat.role, slot.length);
  checkOnce('nat rows', slot);
  for (let row = 0; row < role.length; row++) {
    if (roles.has(role[row]!)) continue;
    throw new WireError('unknown-role', `nat_role row ${row} is ${role[row]}`);
  }
  return { slot, role };
}

const roles: ReadonlySet<number> = new Set(Object.values(natRoles));

function decodeStages(columns: ReceivedColumns): AgentBatch['stages'] {
  const number = columnNumbers.stages;
  const slot = slotsOf(columns, 'stages', 'stage_slot');
  const rows = slot.length;
  if (rows === 0) return noRows.stages;
  checkPerSlot(slot, stagesMax, 'stages');
  return {
    slot,
    localAddress: columns.readRows(number.localAddress, rows),
    remoteAddress: columns.readRows(number.remoteAddress, rows),
    ports: columns.readRows(number.ports, rows),
    v6: columns.readRows(number.v6, rows),
  };
}

function decodeCounters(columns: ReceivedColumns): AgentBatch['counters'] {
  const number = columnNumbers.counters;
  const slot = slotsOf(columns, 'counters', 'counter_slot');
  const rows = slot.length;
  if (rows === 0) return noRows.counters;
  return {
    slot,
    sent: checkExact('counter_sent', columns.readRows(number.sent, rows)),
    received: checkExact('counter_received', columns.readRows(number.received, rows)),
    rttUs: columns.readRows(number.rttUs, rows),
    retransmits: columns.readRows(number.retransmits, rows),
  };
}

/** @param counted slots that stand in the other section of counters */
function decodeGrown(columns: ReceivedColumns, counted: U32Column): AgentBatch['grown'] {
  const number = columnNumbers.grown;
  const rising = risingSlotsOf(columns, 'grown');
  const slot = rising ?? anySlotsOf(columns, 'grown', 'grown_slot');
  const rows = slot.length;
  if (counted.length > 0 || (rows > 0 && rising === null)) checkOnce('counter rows', counted, slot);
  if (rows === 0) return noRows.grown;
  return {
    slot,
    sent: columns.readRows(number.sent, rows),
    received: columns.readRows(number.received, rows),
    rttUs: columns.readRows(number.rttUs, rows),
  };
}

function slotsOf(columns: ReceivedColumns, section: SectionName, field: string): Column {
  if (!columns.has(section)) return noSlots;
  return risingSlotsOf(columns, section) ?? anySlotsOf(columns, section, field);
}

const noSlots = new Uint32Array(0);

/** The slots of the rows of a section; without them it must have no column. */
function anySlotsOf(columns: ReceivedColumns, section: SectionName, field: string): Column {
  const slot = columns.read(columnNumbers[section].slot);
  if (slot.length === 0 && columns.has(section)) {
    for (const number of numbersOf[section]) if (!columns.isAbsent(number)) columns.readRows(number, 0);
  }
  checkSlots(field, slot);
  return slot;
}

/** The same where each is above the one before, as agents tell them; null where they are otherwise, or too great. */
function risingSlotsOf(columns: ReceivedColumns, section: SectionName): Column | null {
  const slot = columns.readRising(columnNumbers[section].slot);
  return slot !== null && slot.length > 0 && slot[slot.length - 1]! < slotsMax ? slot : null;
}

const numbersOf = Object.fromEntries(
  Object.entries(columnNumbers).map(([section, numbers]) => [section, Object.values(numbers)]),
) as unknown as Readonly<Record<SectionName, readonly number[]>>;

function checkMetas(meta: Column): Column {
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
  return meta;
}

/** A column of 64 bits: what is read of it is whole, and exact unless it is too great or below zero. */
function checkExact(field: string, values: Column): Column {
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) checkInteger(`${field} row ${row}`, value);
  }
  return values;
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

/** One row per slot in all lists together: a bit for each slot up to the greatest, which is below slotsMax. */
function checkOnce(what: string, ...lists: readonly U32Column[]): void {
  let greatest = 0;
  for (const slots of lists) {
    for (let row = 0; row < slots.length; row++) greatest = Math.max(greatest, slots[row]!);
  }
  const seen = new Uint32Array((greatest >>> 5) + 1);
  for (const slots of lists) {
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row]!;
      const bit = 1 << (slot & 31);
      if ((seen[slot >>> 5]! & bit) !== 0) throw moreThan(1, slot, what);
      seen[slot >>> 5]! |= bit;
    }
  }
}

function moreThan(max: number, slot: number, what: string): WireError {
  return new WireError('too-many', `slot ${slot} has more than ${max} ${what}`);
}

function checkSlots(field: string, slots: Column): void {
  for (let row = 0; row < slots.length; row++) {
    if (slots[row]! < slotsMax) continue;
    throw new WireError('bad-slot', `${field} row ${row} is ${slots[row]}, slots end below ${slotsMax}`);
  }
}
