/** The NAT and COUNTERS sections of a message by slot. */
import type { FourTuple } from '../../model/four-tuple.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { Translation } from '../../model/translation.ts';
import type { AgentBatch } from '../../wire/agent-batch.ts';
import { natRoles } from '../../wire/protocol.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { StreamDictionary } from './dictionary.ts';
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
export interface Counting {
  readonly counters: SocketCounters;
  /** They are what the counters have grown by since they were told last on this stream. */
  readonly isGrowth: boolean;
}

export function resolveCounters({
  counters,
  grown,
}: Pick<AgentBatch, 'counters' | 'grown'>): Map<number, Counting> {
  const countings = new Map<number, Counting>();
  for (let row = 0; row < counters.slot.length; row++) {
    const told = {
      bytesSent: counters.sent[row]!,
      bytesReceived: counters.received[row]!,
      rttUs: counters.rttUs[row]!,
      retransmits: counters.retransmits[row]!,
    };
    countings.set(counters.slot[row]!, { counters: told, isGrowth: false });
  }
  for (let row = 0; row < grown.slot.length; row++) {
    const growth = {
      bytesSent: grown.sent[row]!,
      bytesReceived: grown.received[row]!,
      rttUs: grown.rttUs[row]!,
      retransmits: 0,
    };
    countings.set(grown.slot[row]!, { counters: growth, isGrowth: true });
  }
  return countings;
}
