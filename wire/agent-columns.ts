/** The row sections of AgentMessage: column names on the wire, and what must hold for columns received. */
import { stagesMax } from '../model/translation.ts';
import type {
  AgentBatch,
  CloseColumns,
  CounterColumns,
  NatColumns,
  OpenColumns,
  OwnerColumns,
  StageColumns,
  U32Column,
  UpdateColumns,
} from './agent-batch.ts';
import { ownerPairsMax, slotsMax } from './agent-limits.ts';
import { checkInteger } from './checks.ts';
import { unpackMeta } from './packing.ts';
import { natRoles } from './protocol.ts';
import { WireError } from './wire-error.ts';

/** The columns of AgentMessage as proto-loader has them; an empty one is absent. */
export interface ColumnFields {
  openSlot?: number[];
  openLocalAddress?: number[];
  openRemoteAddress?: number[];
  openPorts?: number[];
  openMeta?: number[];
  openNetns?: number[];
  openInode?: number[];
  openUid?: number[];
  openProcess?: number[];
  openFd?: number[];
  openAgeMs?: number[];
  openUnseenMs?: number[];
  openId?: number[];
  closeSlot?: number[];
  closeAgeMs?: number[];
  updateSlot?: number[];
  updateState?: number[];
  updateInode?: number[];
  reownedSlot?: number[];
  ownerSlot?: number[];
  ownerProcess?: number[];
  ownerFd?: number[];
  natSlot?: number[];
  natRole?: number[];
  stageSlot?: number[];
  stageLocalAddress?: number[];
  stageRemoteAddress?: number[];
  stagePorts?: number[];
  stageV6?: number[];
  counterSlot?: number[];
  counterSent?: number[];
  counterReceived?: number[];
  counterRttUs?: number[];
  counterRetransmits?: number[];
  droppedProcesses?: number[];
  droppedNetns?: number[];
}

type Sections = Pick<
  AgentBatch,
  | 'opens'
  | 'closes'
  | 'updates'
  | 'reownedSlots'
  | 'owners'
  | 'nat'
  | 'stages'
  | 'counters'
  | 'droppedProcesses'
  | 'droppedNetns'
>;

export function encodeColumns(batch: Sections): ColumnFields {
  const { opens, closes, updates, owners, nat, stages, counters } = batch;
  return {
    openSlot: array(opens.slot),
    openLocalAddress: array(opens.localAddress),
    openRemoteAddress: array(opens.remoteAddress),
    openPorts: array(opens.ports),
    openMeta: array(opens.meta),
    openNetns: array(opens.netns),
    openInode: array(opens.inode),
    openUid: array(opens.uid),
    openProcess: array(opens.process),
    openFd: array(opens.fd),
    openAgeMs: array(opens.ageMs),
    openUnseenMs: array(opens.unseenMs),
    openId: array(opens.id),
    closeSlot: array(closes.slot),
    closeAgeMs: array(closes.ageMs),
    updateSlot: array(updates.slot),
    updateState: array(updates.state),
    updateInode: array(updates.inode),
    reownedSlot: array(batch.reownedSlots),
    ownerSlot: array(owners.slot),
    ownerProcess: array(owners.process),
    ownerFd: array(owners.fd),
    natSlot: array(nat.slot),
    natRole: array(nat.role),
    stageSlot: array(stages.slot),
    stageLocalAddress: array(stages.localAddress),
    stageRemoteAddress: array(stages.remoteAddress),
    stagePorts: array(stages.ports),
    stageV6: array(stages.v6),
    counterSlot: array(counters.slot),
    counterSent: array(counters.sent),
    counterReceived: array(counters.received),
    counterRttUs: array(counters.rttUs),
    counterRetransmits: array(counters.retransmits),
    droppedProcesses: array(batch.droppedProcesses),
    droppedNetns: array(batch.droppedNetns),
  };
}

function array(column: ArrayLike<number>): number[] {
  return Array.isArray(column) ? (column as number[]) : Array.from(column);
}

/** Throws WireError for columns of unequal length, slots out of range, unknown states and inexact ids. */
export function decodeColumns(fields: ColumnFields): Sections {
  return {
    opens: decodeOpens(fields),
    closes: decodeCloses(fields),
    updates: decodeUpdates(fields),
    reownedSlots: checkSlots('reowned_slot', fields.reownedSlot ?? []),
    owners: decodeOwners(fields),
    nat: decodeNat(fields),
    stages: decodeStages(fields),
    counters: decodeCounters(fields),
    droppedProcesses: fields.droppedProcesses ?? [],
    droppedNetns: fields.droppedNetns ?? [],
  };
}

function decodeOpens(fields: ColumnFields): OpenColumns {
  const opens = equalColumns('open', {
    slot: fields.openSlot,
    localAddress: fields.openLocalAddress,
    remoteAddress: fields.openRemoteAddress,
    ports: fields.openPorts,
    meta: fields.openMeta,
    netns: fields.openNetns,
    inode: fields.openInode,
    uid: fields.openUid,
    process: fields.openProcess,
    fd: fields.openFd,
    ageMs: fields.openAgeMs,
    unseenMs: fields.openUnseenMs,
    id: fields.openId,
  });
  checkSlots('open_slot', opens.slot);
  for (let row = 0; row < opens.meta.length; row++) {
    const meta = opens.meta[row]!;
    if (unpackMeta(meta) === null) {
      const state = `state ${meta & 0xff} of protocol ${(meta >>> 8) & 0xff}`;
      throw new WireError('unknown-state', `open_meta row ${row} has ${state}`);
    }
    checkInteger(`open_id row ${row}`, opens.id[row]!);
  }
  return opens;
}

function decodeCloses(fields: ColumnFields): CloseColumns {
  const closes = equalColumns('close', { slot: fields.closeSlot, ageMs: fields.closeAgeMs });
  checkSlots('close_slot', closes.slot);
  return closes;
}

function decodeUpdates(fields: ColumnFields): UpdateColumns {
  const updates = equalColumns('update', {
    slot: fields.updateSlot,
    state: fields.updateState,
    inode: fields.updateInode,
  });
  checkSlots('update_slot', updates.slot);
  return updates;
}

/** The pairs of one slot are bounded too: a query walks them. */
function decodeOwners(fields: ColumnFields): OwnerColumns {
  const owners = equalColumns('owner', {
    slot: fields.ownerSlot,
    process: fields.ownerProcess,
    fd: fields.ownerFd,
  });
  checkSlots('owner_slot', owners.slot);
  checkPerSlot(owners.slot, ownerPairsMax, 'owners');
  return owners;
}

const roles: ReadonlySet<number> = new Set(Object.values(natRoles));

function decodeNat(fields: ColumnFields): NatColumns {
  const nat = equalColumns('nat', { slot: fields.natSlot, role: fields.natRole });
  checkSlots('nat_slot', nat.slot);
  checkPerSlot(nat.slot, 1, 'nat rows');
  const unknown = nat.role.findIndex((role) => !roles.has(role));
  if (unknown < 0) return nat;
  throw new WireError('unknown-role', `nat_role row ${unknown} is ${nat.role[unknown]}`);
}

function decodeStages(fields: ColumnFields): StageColumns {
  const stages = equalColumns('stage', {
    slot: fields.stageSlot,
    localAddress: fields.stageLocalAddress,
    remoteAddress: fields.stageRemoteAddress,
    ports: fields.stagePorts,
    v6: fields.stageV6,
  });
  checkSlots('stage_slot', stages.slot);
  checkPerSlot(stages.slot, stagesMax, 'stages');
  return stages;
}

function decodeCounters(fields: ColumnFields): CounterColumns {
  const counters = equalColumns('counter', {
    slot: fields.counterSlot,
    sent: fields.counterSent,
    received: fields.counterReceived,
    rttUs: fields.counterRttUs,
    retransmits: fields.counterRetransmits,
  });
  checkSlots('counter_slot', counters.slot);
  checkPerSlot(counters.slot, 1, 'counter rows');
  for (const [row, sent] of counters.sent.entries()) {
    checkInteger(`counter_sent row ${row}`, sent);
    checkInteger(`counter_received row ${row}`, counters.received[row]!);
  }
  return counters;
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

/** Brings the columns of one section to equal length: an absent one stands for zeros. */
function equalColumns<Name extends string>(
  section: string,
  columns: Record<Name, number[] | undefined>,
): Record<Name, number[]> {
  const entries = Object.entries(columns) as [Name, number[] | undefined][];
  const count = Math.max(...entries.map(([, column]) => column?.length ?? 0));
  const result = {} as Record<Name, number[]>;
  for (const [name, column] of entries) {
    const length = column?.length ?? 0;
    if (length !== 0 && length !== count) {
      throw new WireError('column-length', `${section}: column ${name} has ${length} of ${count} rows`);
    }
    result[name] = length === count ? (column ?? []) : Array<number>(count).fill(0);
  }
  return result;
}

function checkSlots(field: string, slots: U32Column): U32Column {
  for (let row = 0; row < slots.length; row++) {
    if (slots[row]! >= slotsMax) {
      throw new WireError('bad-slot', `${field} row ${row} is ${slots[row]}, slots end below ${slotsMax}`);
    }
  }
  return slots;
}
