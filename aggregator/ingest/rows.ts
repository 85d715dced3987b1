/** The columns of a message as rows that stand for themselves: ids resolved, times on the aggregator's clock. */
import type { Owner, Process } from '../../model/process.ts';
import type { Translation } from '../../model/translation.ts';
import type { AgentBatch, OwnerColumns } from '../../wire/agent-batch.ts';
import { unpackMeta } from '../../wire/packing.ts';
import { neverLooked, unknownFd } from '../../wire/protocol.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { ClockOffset } from './clock-offset.ts';
import type { StreamDictionary } from './dictionary.ts';
import type { OpenedRow } from './opened-row.ts';
import { resolveTuple } from './resolve-tuple.ts';
import { CountedRows, resolveTranslations } from './row-findings.ts';
import type { SimpleOpens } from './simple-opens.ts';

export interface ClosedRow {
  readonly slot: number;
  readonly closedAtMs: number;
}

export interface UpdatedRow {
  readonly slot: number;
  /** Kernel number; the protocol of the slot says which state it is. */
  readonly state: number;
  readonly inode: number;
}

export interface ReownedRow {
  readonly slot: number;
  readonly owners: readonly Owner[];
}

export interface TranslatedRow {
  readonly slot: number;
  readonly translation: Translation;
}

export interface MessageRows {
  /** Opened ones that stand in columns, and not in `opened`; null where all are objects. */
  readonly simple: SimpleOpens | null;
  /** In the order in which the agent saw them. */
  readonly opened: readonly OpenedRow[];
  /** How many of `simple` the agent saw before each of them. */
  readonly simpleBefore: readonly number[];
  /** Of slots that were opened by earlier messages. */
  readonly closed: readonly ClosedRow[];
  readonly updated: readonly UpdatedRow[];
  readonly reowned: readonly ReownedRow[];
  readonly translated: readonly TranslatedRow[];
  readonly counted: CountedRows;
}

/**
 * Throws WireError for ids that are not in the dictionary, and for a slot that one message opens twice.
 * @param arrived when the message came, on both clocks of the aggregator
 * @param simple takes the rows that need not be objects, if any
 */
export function resolveRows(
  batch: AgentBatch,
  dictionary: StreamDictionary,
  clock: ClockOffset,
  arrived: { readonly unixMs: number; readonly monotonicMs: number },
  simple: SimpleOpens | null = null,
): MessageRows {
  const pairs = pairsBySlot(batch.owners);
  const toOurs = (agentUnixMs: number): number => clock.toOurs(agentUnixMs, arrived.unixMs);
  const { translations, forwards } = resolveTranslations(batch, dictionary);
  const opened = new Map<number, OpenedRow>();
  const simpleBefore: number[] = [];
  const slots = new Set<number>();
  const special = simple === null ? null : specialSlots(batch);
  simple?.begin(batch.opens.slot.length, arrived.monotonicMs);
  for (let row = 0; row < batch.opens.slot.length; row++) {
    const slot = batch.opens.slot[row]!;
    if (slots.has(slot)) throw new WireError('bad-slot', `slot ${slot} is opened twice`);
    slots.add(slot);
    const maySimplify = special?.has(slot) === false;
    if (maySimplify && simple!.add(batch, row, dictionary, clock, arrived.unixMs)) continue;
    const open = resolveOpen(batch, row, pairs, dictionary, toOurs);
    simpleBefore.push(simple?.count ?? 0);
    opened.set(slot, {
      ...open,
      acceptedMs: arrived.monotonicMs,
      forwarded: take(forwards, slot),
      translation: take(translations, slot),
      counters: null,
    });
  }
  const counted = new CountedRows(batch);
  counted.attachTo(opened);
  const [stray] = forwards.keys();
  if (stray !== undefined) throw new WireError('bad-slot', `slot ${stray} is passed on and not opened`);
  const closed: ClosedRow[] = [];
  for (let row = 0; row < batch.closes.slot.length; row++) {
    const slot = batch.closes.slot[row]!;
    const closedAtMs = toOurs(batch.baseUnixMs - batch.closes.ageMs[row]!);
    const openedHere = opened.get(slot);
    if (openedHere === undefined) closed.push({ slot, closedAtMs });
    else openedHere.closedAtMs = Math.max(openedHere.openedAtMs, closedAtMs);
  }
  return {
    simple,
    opened: [...opened.values()],
    simpleBefore,
    closed,
    updated: resolveUpdates(batch.updates),
    reowned: Array.from(batch.reownedSlots, (slot) => ({
      slot,
      owners: resolveOwners(pairs.get(slot) ?? [], dictionary),
    })),
    translated: Array.from(translations, ([slot, translation]) => ({ slot, translation })),
    counted,
  };
}

function resolveUpdates({ slot, state, inode }: AgentBatch['updates']): UpdatedRow[] {
  return Array.from(slot, (each, row) => ({ slot: each, state: state[row]!, inode: inode[row]! }));
}

/** Slots of which a message tells more than that they are opened, counted or changed. */
function specialSlots({ owners, nat, closes }: AgentBatch): Set<number> {
  const slots = new Set<number>();
  for (const column of [owners.slot, nat.slot, closes.slot]) {
    for (let row = 0; row < column.length; row++) slots.add(column[row]!);
  }
  return slots;
}

/** The value of `key`, which is no longer in the map then; null where there is none. */
function take<Value>(map: Map<number, Value>, key: number): Value | null {
  const value = map.get(key);
  map.delete(key);
  return value ?? null;
}

type Pair = readonly [process: number, fd: number];

function pairsBySlot(owners: OwnerColumns): Map<number, Pair[]> {
  const pairs = new Map<number, Pair[]>();
  for (let row = 0; row < owners.slot.length; row++) {
    const pair: Pair = [owners.process[row]!, owners.fd[row]!];
    const known = pairs.get(owners.slot[row]!);
    if (known === undefined) pairs.set(owners.slot[row]!, [pair]);
    else known.push(pair);
  }
  return pairs;
}

function resolveOpen(
  batch: AgentBatch,
  row: number,
  pairs: ReadonlyMap<number, Pair[]>,
  dictionary: StreamDictionary,
  toOurs: (agentUnixMs: number) => number,
): Omit<OpenedRow, 'acceptedMs' | 'forwarded' | 'translation' | 'counters'> {
  const { opens } = batch;
  const slot = opens.slot[row]!;
  const { protocol, state, v6, byConntrack } = unpackMeta(opens.meta[row]!)!;
  const first: Pair[] = opens.process[row] === 0 ? [] : [[opens.process[row]!, opens.fd[row]!]];
  const openedUnixMs = batch.baseUnixMs - opens.ageMs[row]!;
  const unseenMs = opens.unseenMs[row]!;
  return {
    slot,
    id: opens.id[row]!,
    protocol,
    state,
    byConntrack,
    netns: dictionary.netns(opens.netns[row]!).inode,
    ...resolveTuple(opens, row, v6, dictionary),
    inode: opens.inode[row]!,
    uid: opens.uid[row]!,
    owners: resolveOwners([...first, ...(pairs.get(slot) ?? [])], dictionary),
    openedAtMs: toOurs(openedUnixMs),
    notBeforeMs: unseenMs === neverLooked ? 0 : toOurs(openedUnixMs - unseenMs),
    closedAtMs: null,
  };
}

/** Pairs of (process, fd) as owners by pid, each with its fds in order. */
function resolveOwners(pairs: readonly Pair[], dictionary: StreamDictionary): Owner[] {
  const fdsByProcess = new Map<Process, number[]>();
  for (const [id, fd] of pairs) {
    const process = dictionary.process(id);
    const fds = fdsByProcess.get(process) ?? [];
    fdsByProcess.set(process, fds);
    if (fd !== unknownFd) fds.push(fd);
  }
  return Array.from(fdsByProcess, ([process, fds]) => ({
    process,
    fds: fds.sort((a, b) => a - b),
  })).sort((a, b) => a.process.pid - b.process.pid);
}
