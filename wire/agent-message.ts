/**
 * AgentBatch ↔ the bytes of one AgentMessage. Columns are read by a walk over the raw bytes and handed out as typed arrays,
 * and so are definitions of processes; all else, of which there is little, the generic codec reads.
 */
import type { AgentBatch, ProcessDefinition } from './agent-batch.ts';
import { encodeColumns } from './agent-columns.ts';
import {
  type AddressFields,
  decodeAddress,
  decodeGap,
  decodeHeartbeat,
  decodeHello,
  decodeNetns,
  encodeAddress,
  encodeGap,
  encodeHeartbeat,
  encodeHello,
  encodeNetns,
  encodeProcess,
  type GapFields,
  type HeartbeatFields,
  type HelloFields,
  type NetnsFields,
  type ProcessFields,
} from './agent-definitions.ts';
import { gapsPerMessageMax } from './agent-limits.ts';
import { checkCount, checkInteger } from './checks.ts';
import { codingOf } from './column-codings.ts';
import { decodeColumns } from './decode-columns.ts';
import { decodeMessage } from './message-decoder.ts';
import { encodeMessage } from './message-encoder.ts';
import type { MessageType } from './message-type.ts';
import { MessageWalk, walkedNumbers } from './message-walk.ts';
import { ProcessReader } from './process-reader.ts';
import { messageType } from './proto-file.ts';
import { ReceivedColumns } from './received-columns.ts';
import { notAMessage } from './tag-cursor.ts';

/** What the walk leaves: what is unset is absent, or the zero of its type. */
interface RestFields {
  hello?: HelloFields;
  heartbeat?: HeartbeatFields;
  gaps?: GapFields[];
  netns?: NetnsFields[];
  addresses?: AddressFields[];
  spooledEpoch?: number;
}

/** The same and what the walk reads, but for the columns. */
interface AgentMessageFields extends RestFields {
  seq: number;
  baseUnixMs: number;
  flags: number;
  processes: ProcessFields[];
}

/** Cuts texts and lists that are longer than agent-limits.ts allow; rows are taken as they are. */
export function encodeAgentMessage(batch: AgentBatch): Buffer {
  const fields: AgentMessageFields = {
    seq: batch.seq,
    baseUnixMs: batch.baseUnixMs,
    flags: batch.flags,
    ...(batch.spooledEpoch === 0 ? {} : { spooledEpoch: batch.spooledEpoch }),
    ...(batch.hello === null ? {} : { hello: encodeHello(batch.hello) }),
    ...(batch.heartbeat === null ? {} : { heartbeat: encodeHeartbeat(batch.heartbeat) }),
    gaps: batch.gaps.map(encodeGap),
    processes: batch.processes.map(encodeProcess),
    netns: batch.netns.map(encodeNetns),
    addresses: batch.addresses.map(encodeAddress),
    ...encodeColumns(batch),
  };
  return encodeMessage(messageType('AgentMessage'), fields);
}

/** An encoded message under another seq: of a field that stands twice the last one counts. */
export function numberedAs(seq: number, encoded: Buffer): Buffer {
  return Buffer.concat([encoded, encodeMessage(messageType('AgentMessage'), { seq })]);
}

/**
 * Decodes one message after another, in memory that serves all of them: the columns of a batch are those of the next one as
 * soon as that is decoded. One is enough for all streams of a process.
 */
export class AgentMessageDecoder {
  readonly #columns = new ReceivedColumns();
  readonly #walk = new MessageWalk(this.#columns);
  readonly #processes = new ProcessReader();
  readonly #restType = restType();

  /**
   * Every value of the result is within agent-limits.ts. Ids and slots are only in range: whether they are known is for
   * the reader of the stream to say. Throws WireError: `not-a-message` when the bytes are garbage, else what is wrong.
   */
  decode(bytes: Buffer): AgentBatch {
    const walk = this.#walk;
    walk.walk(bytes);
    const fields = this.#restOf(bytes);
    const processes: ProcessDefinition[] = [];
    for (let i = 0; i < walk.processes.length; i += 2) {
      processes.push(this.#processes.read(bytes, walk.processes[i]!, walk.processes[i + 1]!));
    }
    const { hello, heartbeat, gaps, netns, addresses, spooledEpoch } = fields;
    const rows = decodeColumns(this.#columns);
    // Each by its name: a spread takes as long as all of the checks.
    return {
      seq: checkInteger('seq', walk.seq),
      baseUnixMs: checkInteger('base_unix_ms', walk.baseUnixMs),
      flags: walk.flags,
      spooledEpoch: spooledEpoch === undefined ? 0 : checkInteger('spooled_epoch', spooledEpoch),
      hello: hello === undefined ? null : decodeHello(hello),
      heartbeat: heartbeat === undefined ? null : decodeHeartbeat(heartbeat),
      gaps: gaps === undefined ? [] : checkCount('gaps', gaps, gapsPerMessageMax).map(decodeGap),
      processes,
      netns: netns === undefined ? [] : netns.map(decodeNetns),
      addresses: addresses === undefined ? [] : addresses.map(decodeAddress),
      opens: rows.opens,
      closes: rows.closes,
      updates: rows.updates,
      reownedSlots: rows.reownedSlots,
      owners: rows.owners,
      nat: rows.nat,
      stages: rows.stages,
      counters: rows.counters,
      grown: rows.grown,
      droppedProcesses: rows.droppedProcesses,
      droppedNetns: rows.droppedNetns,
    };
  }

  /** The seq of a message that is refused, so that the refusal can name it; 0 when it cannot be read. */
  peekSeq(bytes: Buffer): number {
    try {
      this.#walk.walk(bytes);
    } catch {
      return 0;
    }
    return Number.isSafeInteger(this.#walk.seq) ? this.#walk.seq : 0;
  }

  #restOf(bytes: Buffer): RestFields {
    const rest = this.#walk.rest();
    if (rest === null) return {};
    try {
      return decodeMessage(this.#restType, rest) as RestFields;
    } catch (cause) {
      throw notAMessage(bytes, cause instanceof Error ? cause.message : String(cause));
    }
  }
}

/** AgentMessage without what the walk takes out of it. */
function restType(): MessageType {
  const { name, fields } = messageType('AgentMessage');
  const walked: readonly number[] = Object.values(walkedNumbers);
  const left = fields.filter(
    ({ number, repeated, type }) => !walked.includes(number) && !(repeated && codingOf[type] !== undefined),
  );
  const byNumber: MessageType['byNumber'][number][] = [];
  for (const field of left) byNumber[field.number] = field;
  return { name, fields: left, byNumber };
}
