/**
 * Closed sockets and gaps as messages for the spool, of which each stands by itself: whoever reads it needs no other. A
 * namespace is defined by its number alone, as what it looks like now is for the stream to tell.
 */
import { agentBatch, type Gap } from '../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../wire/agent-message.ts';
import { BatchColumns } from '../export/batch-columns.ts';
import { Dictionary } from '../export/dictionary.ts';
import { messageOverheadBytes, processBytes } from '../export/message-size.ts';
import type { SlotRecord } from '../export/slot-record.ts';
import { SocketRows } from '../export/socket-rows.ts';
import { netnsByNumber } from '../export/unknown-netns.ts';
import type { SpooledMessage } from './spooled-record.ts';

/** A message is cut when it reaches this size: some 700 sockets, which an aggregator takes in within a hundredth of a second. */
export const spooledTargetBytes = 32 * 1024;

/** The processes of one socket are told as far as their texts have room here. */
export const ownerBytesMax = 256 * 1024;

/** What a message of the spool tells, and what of. */
export interface SocketMessage extends SpooledMessage {
  readonly records: readonly SlotRecord[];
}

/** @param records that are closed, in the order in which they are to be told. One message a step. */
export function* socketMessages(
  records: Iterable<SlotRecord>,
  epoch: number,
  nowMs: number,
): Generator<SocketMessage, void> {
  let draft = new Draft(epoch, nowMs);
  for (const record of records) {
    draft.add(record);
    if (!draft.isFull) continue;
    yield draft.message();
    draft = new Draft(epoch, nowMs);
  }
  if (draft.hasAny) yield draft.message();
}

/** A message in the making. */
class Draft {
  readonly #epoch: number;
  readonly #nowMs: number;
  readonly #dictionary = new Dictionary();
  readonly #columns = new BatchColumns();
  readonly #rows: SocketRows;
  readonly #records: SlotRecord[] = [];

  constructor(epoch: number, nowMs: number) {
    this.#epoch = epoch;
    this.#nowMs = nowMs;
    this.#rows = new SocketRows(this.#dictionary, this.#columns, nowMs);
  }

  get hasAny(): boolean {
    return this.#records.length > 0;
  }

  get isFull(): boolean {
    return messageOverheadBytes + this.#columns.bytes + this.#dictionary.changeBytes >= spooledTargetBytes;
  }

  add(record: SlotRecord): void {
    const slot = this.#records.push(record) - 1;
    const { netns } = record.socket;
    if (this.#dictionary.netnsId(netns) === null) this.#dictionary.defineNetns(netnsByNumber(netns));
    this.#rows.open(withFewOwners(record), slot);
    this.#rows.close(record, slot);
  }

  message(): SocketMessage {
    const records = this.#records;
    const batch = agentBatch({
      baseUnixMs: this.#nowMs,
      spooledEpoch: this.#epoch,
      ...this.#dictionary.takeChanges(),
      ...this.#columns.sections(),
    });
    const closed = records.map(({ closedAtMs }) => closedAtMs!);
    return {
      kind: 'sockets',
      count: records.length,
      fromUnixMs: closed.reduce((a, b) => Math.min(a, b)),
      toUnixMs: closed.reduce((a, b) => Math.max(a, b)),
      message: encodeAgentMessage(batch),
      records,
    };
  }
}

/** A message that stands by itself has no other to tell the rest of very many processes. */
function withFewOwners(record: SlotRecord): SlotRecord {
  const { owners } = record.socket;
  let bytes = 0;
  let kept = 0;
  for (; kept < owners.length && bytes <= ownerBytesMax; kept++) bytes += processBytes(owners[kept]!.process);
  if (kept === owners.length) return record;
  return { ...record, socket: { ...record.socket, owners: owners.slice(0, kept) } };
}

export function gapMessage(gaps: readonly Gap[], epoch: number, nowMs: number): SpooledMessage {
  return {
    kind: 'gaps',
    count: Math.min(
      0xffffffff,
      gaps.reduce((sum, { lostEvents }) => sum + lostEvents, 0),
    ),
    fromUnixMs: gaps.reduce((least, gap) => Math.min(least, gap.fromUnixMs), Number.POSITIVE_INFINITY),
    toUnixMs: gaps.reduce((most, gap) => Math.max(most, gap.toUnixMs), 0),
    message: encodeAgentMessage(agentBatch({ baseUnixMs: nowMs, spooledEpoch: epoch, gaps })),
  };
}
