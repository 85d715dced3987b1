/** The NAT and COUNTERS sections of a message by slot. */
import type { FourTuple } from '../../model/four-tuple.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { Translation } from '../../model/translation.ts';
import { type AgentBatch, noRows } from '../../wire/agent-batch.ts';
import { natRoles } from '../../wire/protocol.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { CountedColumns } from '../correlate/report.ts';
import type { StreamDictionary } from './dictionary.ts';
import type { OpenedRow } from './opened-row.ts';
import { resolveTuple } from './resolve-tuple.ts';

export interface Translations {
  readonly translations: Map<number, Translation>;
  /** How the host passes on what those slots stand for. */
  readonly forwards: Map<number, FourTuple>;
}

/** Throws WireError for stages of a slot that has no role, and for a flow that is not passed on in one stage. */
export function resolveTranslations(
  { nat, stages }: Pick<AgentBatch, 'nat' | 'stages'>,
  dictionary: StreamDictionary,
): Translations {
  const stagesBySlot = new Map<number, FourTuple[]>();
  for (let row = 0; row < nat.slot.length; row++) stagesBySlot.set(nat.slot[row]!, []);
  for (let row = 0; row < stages.slot.length; row++) {
    const slot = stages.slot[row]!;
    const known = stagesBySlot.get(slot);
    if (known === undefined) throw new WireError('unknown-role', `stages of slot ${slot} without a role`);
    known.push(resolveTuple(stages, row, stages.v6[row] === 1, dictionary));
  }
  const translations = new Map<number, Translation>();
  const forwards = new Map<number, FourTuple>();
  for (let row = 0; row < nat.slot.length; row++) {
    const slot = nat.slot[row]!;
    const of = stagesBySlot.get(slot)!;
    if (nat.role[row] !== natRoles.forwarder) {
      translations.set(slot, { role: nat.role[row] === natRoles.client ? 'client' : 'server', stages: of });
    } else if (of.length === 1) forwards.set(slot, of[0]!);
    else throw new WireError('unknown-role', `slot ${slot} is passed on in ${of.length} stages`);
  }
  return { translations, forwards };
}

/** What a message tells of the counters of a slot. */
export interface CountedRow {
  readonly slot: number;
  readonly counters: SocketCounters;
  /** They are what the counters have grown by since they were told last on this stream. */
  readonly isGrowth: boolean;
}

/** The COUNTERS and GROWN sections of a message: columns, of which few rows ever become objects. Rows of GROWN come last. */
export class CountedRows {
  readonly columns: CountedColumns;
  /** Slots of which the counters stand in the rows that open them. */
  readonly #attached = new Set<number>();

  constructor(columns: CountedColumns) {
    this.columns = columns;
  }

  /** Rows that are not attached. */
  get length(): number {
    return this.#total - this.#attached.size;
  }

  get #total(): number {
    return this.columns.counters.slot.length + this.columns.grown.slot.length;
  }

  /** Puts counters into the rows that open their slots. What has just been opened has grown from 0. */
  attachTo(opened: ReadonlyMap<number, OpenedRow>): void {
    if (opened.size === 0) return;
    for (let row = 0; row < this.#total; row++) {
      const { slot, counters } = this.#at(row);
      const open = opened.get(slot);
      if (open === undefined) continue;
      open.counters = counters;
      this.#attached.add(slot);
    }
  }

  /** @param rows those that are wanted; null = all. @returns them, but for those that are attached */
  only(rows: readonly number[] | null): CountedRow[] {
    const wanted = rows ?? Array.from({ length: this.#total }, (_, row) => row);
    return wanted.map((row) => this.#at(row)).filter(({ slot }) => !this.#attached.has(slot));
  }

  /** A copy of what is not attached, which outlives the message, of slots that it opens: those have grown from 0. */
  absolute(): CountedColumns {
    const rows = this.length;
    const counters = {
      slot: new Uint32Array(rows),
      sent: new Float64Array(rows),
      received: new Float64Array(rows),
      rttUs: new Uint32Array(rows),
      retransmits: new Uint32Array(rows),
    };
    let at = 0;
    for (let row = 0; row < this.#total && at < rows; row++) {
      const { slot, counters: told } = this.#at(row);
      if (this.#attached.has(slot)) continue;
      counters.slot[at] = slot;
      counters.sent[at] = told.bytesSent;
      counters.received[at] = told.bytesReceived;
      counters.rttUs[at] = told.rttUs;
      counters.retransmits[at++] = told.retransmits;
    }
    return { counters, grown: noRows.grown };
  }

  #at(row: number): CountedRow {
    const { counters, grown } = this.columns;
    const at = row - counters.slot.length;
    const isGrowth = at >= 0;
    const [from, n] = isGrowth ? [grown, at] : [counters, row];
    return {
      slot: from.slot[n]!,
      counters: {
        bytesSent: from.sent[n]!,
        bytesReceived: from.received[n]!,
        rttUs: from.rttUs[n]!,
        retransmits: isGrowth ? 0 : counters.retransmits[n]!,
      },
      isGrowth,
    };
  }
}
