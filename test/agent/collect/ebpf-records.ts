/** Encodes what the scan program writes, for tests of what reads it. */
import type { FoundSockets } from '../../../agent/bpf/scan-maps.ts';
import { recordLayout, taskLayout } from '../../../agent/bpf/scan-memory.ts';
import { ipBytes } from '../../../model/ip.ts';

export interface RecordOf {
  readonly fd: number;
  readonly inode: number;
  /** Default TCP. */
  readonly protocol?: number;
  /** Default established. */
  readonly state?: number;
  /** Of MPTCP; default 0. */
  readonly subflow?: number;
  readonly localPort?: number;
  readonly remotePort?: number;
  /** IPv4 or IPv6; default 127.0.0.1. */
  readonly localIp?: string;
  readonly remoteIp?: string;
  readonly uid?: number;
  readonly netns?: number;
}

export interface TaskOf {
  readonly pid: number;
  readonly comm?: string;
  readonly startNs?: bigint;
  readonly records: readonly RecordOf[];
}

export function encodeFound(tasks: readonly TaskOf[]): FoundSockets {
  const records = tasks.flatMap((task) => task.records.map((one) => encodeRecord(task, one)));
  let firstRecord = 0;
  const entries = tasks.map((task) => {
    const entry = encodeTask(task, firstRecord);
    firstRecord += task.records.length;
    return entry;
  });
  return {
    records: Buffer.concat(records),
    tasks: Buffer.concat(entries),
    missedRecords: 0,
    missedTasks: 0,
    acceptQueues: 0,
    passing: 0,
    handshakes: 0,
    counts: 0n,
    groups: 0,
  };
}

function encodeTask(
  { pid, comm = 'test', startNs = 10_000_000n, records }: TaskOf,
  firstRecord: number,
): Buffer {
  const { fields, bytes } = taskLayout;
  const entry = Buffer.alloc(bytes);
  entry.writeUInt32LE(pid, fields.pid.offset);
  entry.writeUInt32LE(pid, fields.tid.offset);
  entry.writeBigUInt64LE(startNs, fields.startNs.offset);
  entry.write(comm, fields.comm.offset, fields.comm.bytes, 'utf8');
  entry.writeUInt32LE(firstRecord, fields.firstRecord.offset);
  entry.writeUInt32LE(records.length, fields.held.offset);
  return entry;
}

function encodeRecord({ pid, startNs = 10_000_000n }: TaskOf, record: RecordOf): Buffer {
  const { fields, bytes } = recordLayout;
  const entry = Buffer.alloc(bytes);
  entry.writeUInt32LE(pid, fields.pid.offset);
  entry.writeUInt32LE(Number(startNs & 0xffffffffn), fields.startLow.offset);
  entry.writeUInt32LE(record.fd, fields.fd.offset);
  entry.writeUInt32LE(record.inode, fields.inode.offset);
  entry.writeUInt16LE(record.protocol ?? 6, fields.protocol.offset);
  entry.writeUInt8(record.state ?? 1, fields.state.offset);
  entry.writeUInt8(record.subflow ?? 0, fields.subflow.offset);
  entry.writeUInt16LE(record.localPort ?? 1000, fields.localPort.offset);
  entry.writeUInt16LE(record.remotePort ?? 2000, fields.remotePort.offset);
  entry.writeUInt32LE(record.uid ?? 0, fields.uid.offset);
  entry.writeUInt32LE(record.netns ?? 1, fields.netns.offset);
  wideBytes(record.localIp ?? '127.0.0.1').copy(entry, fields.localIp.offset);
  wideBytes(record.remoteIp ?? '127.0.0.1').copy(entry, fields.remoteIp.offset);
  return entry;
}

/** IPv4 as ::ffff:a.b.c.d. */
function wideBytes(ip: string): Buffer {
  const bytes = Buffer.from(ipBytes(ip));
  return bytes.length === 16 ? bytes : Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), bytes]);
}
