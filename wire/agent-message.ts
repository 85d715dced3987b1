/**
 * AgentBatch ↔ the bytes of one AgentMessage. Columns are read by a walk over the raw bytes and handed out as typed arrays;
 * all else, of which there is little, the generic codec reads.
 */
import type { AgentBatch } from './agent-batch.ts';
import { decodeColumns, encodeColumns } from './agent-columns.ts';
import {
  type AddressFields,
  decodeAddress,
  decodeGap,
  decodeHeartbeat,
  decodeHello,
  decodeNetns,
  decodeProcess,
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
import { notAMessage, walkColumns } from './column-walk.ts';
import { decodeMessage } from './message-decoder.ts';
import { encodeMessage } from './message-encoder.ts';
import { messageType } from './proto-file.ts';

/** What of AgentMessage is no column: what is unset is absent, or the zero of its type. */
interface AgentMessageFields {
  seq?: number;
  baseUnixMs?: number;
  flags?: number;
  hello?: HelloFields;
  heartbeat?: HeartbeatFields;
  gaps?: GapFields[];
  processes?: ProcessFields[];
  netns?: NetnsFields[];
  addresses?: AddressFields[];
}

/** Cuts texts and lists that are longer than agent-limits.ts allow; rows are taken as they are. */
export function encodeAgentMessage(batch: AgentBatch): Buffer {
  const fields: AgentMessageFields = {
    seq: batch.seq,
    baseUnixMs: batch.baseUnixMs,
    flags: batch.flags,
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

/**
 * Every value of the result is within agent-limits.ts. Ids and slots are only in range: whether they are known is for
 * the reader of the stream to say. Throws WireError: `not-a-message` when the bytes are garbage, else what is wrong.
 */
export function decodeAgentMessage(bytes: Buffer): AgentBatch {
  const { columns, rest } = walkColumns(bytes);
  const fields = parseFields(rest);
  return {
    seq: checkInteger('seq', fields.seq ?? 0),
    baseUnixMs: checkInteger('base_unix_ms', fields.baseUnixMs ?? 0),
    flags: fields.flags ?? 0,
    hello: fields.hello === undefined ? null : decodeHello(fields.hello),
    heartbeat: fields.heartbeat === undefined ? null : decodeHeartbeat(fields.heartbeat),
    gaps: checkCount('gaps', fields.gaps ?? [], gapsPerMessageMax).map(decodeGap),
    processes: (fields.processes ?? []).map(decodeProcess),
    netns: (fields.netns ?? []).map(decodeNetns),
    addresses: (fields.addresses ?? []).map(decodeAddress),
    ...decodeColumns(columns),
  };
}

/** The seq of a message that decodeAgentMessage refuses, so that the refusal can name it; 0 when it cannot be read. */
export function peekSeq(bytes: Buffer): number {
  try {
    const { seq } = parseFields(walkColumns(bytes).rest);
    return Number.isSafeInteger(seq) ? seq! : 0;
  } catch {
    return 0;
  }
}

function parseFields(bytes: Buffer): AgentMessageFields {
  try {
    return decodeMessage(messageType('AgentMessage'), bytes) as AgentMessageFields;
  } catch (cause) {
    throw notAMessage(bytes, cause instanceof Error ? cause.message : String(cause));
  }
}
