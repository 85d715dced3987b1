/**
 * A record of the spool: what stands in it in short, so that it can be counted where it has to go untold, and a message of the
 * wire without its seq.
 *
 *     kind      u8   1 = sockets, 2 = gaps
 *     sockets   u32  of gaps: the events that they say are lost
 *     from, to  f64  unix milliseconds: when the first and the last of them closed; of gaps, when they begin and end
 *     message
 *
 * Numbers are little-endian.
 */

export const recordKinds = { sockets: 1, gaps: 2 } as const;

export type RecordKind = keyof typeof recordKinds;

/** What stands in a message of the spool. */
export interface SpooledSummary {
  readonly kind: RecordKind;
  /** Sockets, or events that gaps say are lost. */
  readonly count: number;
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
}

export interface SpooledMessage extends SpooledSummary {
  /** An AgentMessage whose seq is 0. */
  readonly message: Buffer;
}

const headerBytes = 21;

/** The parts of a record, one after the other. */
export function encodeSpooled({ kind, count, fromUnixMs, toUnixMs, message }: SpooledMessage): Buffer[] {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(recordKinds[kind], 0);
  header.writeUInt32LE(count, 1);
  header.writeDoubleLE(fromUnixMs, 5);
  header.writeDoubleLE(toUnixMs, 13);
  return [header, message];
}

/** Null for what no version up to this one has written. */
export function parseSpooled(bytes: Buffer): SpooledMessage | null {
  if (bytes.length < headerBytes) return null;
  const number = bytes.readUInt8(0);
  const kind = (Object.keys(recordKinds) as RecordKind[]).find((each) => recordKinds[each] === number);
  const [fromUnixMs, toUnixMs] = [bytes.readDoubleLE(5), bytes.readDoubleLE(13)];
  const areTimes = Number.isFinite(fromUnixMs) && Number.isFinite(toUnixMs) && fromUnixMs <= toUnixMs;
  if (kind === undefined || !areTimes) return null;
  const count = bytes.readUInt32LE(1);
  return { kind, count, fromUnixMs, toUnixMs, message: bytes.subarray(headerBytes) };
}

/** Several in short: sockets that go untold, and events that were lost before. */
export function sumOf(parts: readonly SpooledSummary[]): {
  sockets: SpooledSummary | null;
  gaps: SpooledSummary | null;
} {
  const sum = (kind: RecordKind): SpooledSummary | null => {
    const some = parts.filter((part) => part.kind === kind);
    if (some.length === 0) return null;
    return {
      kind,
      count: some.reduce((total, { count }) => total + count, 0),
      fromUnixMs: some.reduce((least, part) => Math.min(least, part.fromUnixMs), Number.POSITIVE_INFINITY),
      toUnixMs: some.reduce((most, part) => Math.max(most, part.toUnixMs), 0),
    };
  };
  return { sockets: sum('sockets'), gaps: sum('gaps') };
}
