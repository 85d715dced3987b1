/**
 * Records of the journal ↔ bytes. Pure.
 *
 *     kind     u8
 *     stream   u32, little-endian; the number of a stream within one run of the aggregator, 0 = none
 *     time     f64, Unix milliseconds when it took effect
 *     rest     by kind
 *
 *     start    nothing: a run of the aggregator begins, and all streams before are over
 *     stream   length u32 and bytes of a message with Hello, then the clock of its agent as JSON
 *     message  the message as it came
 *     end      nothing
 *     lease    JSON: a host is stale or lost, as nothing was heard of it
 *     gap      JSON: the aggregator declares a gap of a host
 */
import type { HostGap } from '../correlate/report.ts';
import type { SavedClock } from '../ingest/clock-offset.ts';

export type JournalRecord =
  | { readonly kind: 'start'; readonly atMs: number }
  | {
      readonly kind: 'stream';
      readonly atMs: number;
      readonly stream: number;
      readonly hello: Buffer;
      readonly clock: SavedClock;
    }
  | { readonly kind: 'message'; readonly atMs: number; readonly stream: number; readonly bytes: Buffer }
  | { readonly kind: 'end'; readonly atMs: number; readonly stream: number }
  | {
      readonly kind: 'lease';
      readonly atMs: number;
      readonly hostId: string;
      readonly state: 'stale' | 'lost';
    }
  | { readonly kind: 'gap'; readonly atMs: number; readonly hostId: string; readonly gap: HostGap };

const numberOf = { start: 1, stream: 2, message: 3, end: 4, lease: 5, gap: 6 } as const;
const headBytes = 13;

/** @returns the parts of the record, of which a message is one as it is */
export function encodeJournalRecord(record: JournalRecord): readonly Buffer[] {
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = numberOf[record.kind];
  head.writeUInt32LE('stream' in record ? record.stream : 0, 1);
  head.writeDoubleLE(record.atMs, 5);
  switch (record.kind) {
    case 'start':
    case 'end':
      return [head];
    case 'message':
      return [head, record.bytes];
    case 'stream': {
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32LE(record.hello.length);
      return [head, length, record.hello, json(record.clock)];
    }
    case 'lease':
      return [head, json({ hostId: record.hostId, state: record.state })];
    case 'gap':
      return [head, json({ hostId: record.hostId, gap: record.gap })];
  }
}

/**
 * @param bytes whole, as their sum says
 * @returns null for what only another version writes
 */
export function decodeJournalRecord(bytes: Buffer): JournalRecord | null {
  if (bytes.length < headBytes) return null;
  try {
    return decodeRest(bytes[0]!, bytes.readUInt32LE(1), bytes.readDoubleLE(5), bytes.subarray(headBytes));
  } catch {
    return null;
  }
}

/** Throws Error where the rest is no JSON; null where it is not as its kind has it. */
function decodeRest(kind: number, stream: number, atMs: number, rest: Buffer): JournalRecord | null {
  if (!Number.isFinite(atMs)) return null;
  switch (kind) {
    case numberOf.start:
      return { kind: 'start', atMs };
    case numberOf.end:
      return { kind: 'end', atMs, stream };
    case numberOf.message:
      return { kind: 'message', atMs, stream, bytes: rest };
    case numberOf.stream: {
      const clockAt = 4 + rest.readUInt32LE();
      const clock: unknown = JSON.parse(rest.toString('utf8', clockAt));
      return isClock(clock)
        ? { kind: 'stream', atMs, stream, hello: rest.subarray(4, clockAt), clock }
        : null;
    }
    case numberOf.lease: {
      const { hostId, state } = fieldsOf(rest);
      const isLease = typeof hostId === 'string' && (state === 'stale' || state === 'lost');
      return isLease ? { kind: 'lease', atMs, hostId, state } : null;
    }
    case numberOf.gap: {
      const { hostId, gap } = fieldsOf(rest);
      return typeof hostId === 'string' && isGap(gap) ? { kind: 'gap', atMs, hostId, gap } : null;
    }
    default:
      return null;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws Error where it is no object of JSON. */
function fieldsOf(json: Buffer): Fields {
  const value: unknown = JSON.parse(json.toString());
  if (!isObject(value)) throw new SyntaxError('no object');
  return value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isGap(value: unknown): value is HostGap {
  if (!isObject(value)) return false;
  const { fromMs, toMs, reason, lostEvents } = value;
  return [fromMs, toMs, lostEvents].every(Number.isFinite) && typeof reason === 'string';
}

function isClock(value: unknown): value is SavedClock {
  if (!isObject(value) || !Number.isFinite(value['guessMs']) || !Array.isArray(value['samples']))
    return false;
  const { last, samples } = value;
  const areSamples = (samples as unknown[]).every(
    (sample) =>
      Array.isArray(sample) &&
      Number.isFinite(sample[0]) &&
      (sample[1] === null || Number.isFinite(sample[1])),
  );
  const isLast =
    last === null ||
    (isObject(last) && Number.isFinite(last['unixMs']) && Number.isFinite(last['arrivedMs']));
  return areSamples && isLast;
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
