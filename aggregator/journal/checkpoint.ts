/**
 * A checkpoint ↔ bytes: what does not follow from the journal any more, as it was at the beginning of one of its segments.
 * Records of JSON (disk/records.ts): one that says what it is, lists of edges, lists of hosts, and an end that counts them. Pure.
 */
import { encodeRecord, recordHeaderBytes, scanRecords } from '../../disk/records.ts';
import type { SavedEdge } from '../graph/saved-edges.ts';
import type { SavedHost } from '../ingest/saved-host.ts';

export interface Checkpoint {
  /** It stands for the beginning of this segment, whether that has records or not. */
  readonly segment: number;
  /** When it was taken, Unix milliseconds. */
  readonly atMs: number;
  /** When the data folder came into being, Unix milliseconds. */
  readonly sinceMs: number;
  readonly edges: readonly SavedEdge[];
  readonly hosts: readonly SavedHost[];
}

/** Another one is not read. */
const version = 1;

/** Of the text of a list, about. */
const listLettersMax = 1 << 18;

/** A list is no longer than what one host may say, and that list's length. */
const listBytesMax = 1 << 26;

interface Head {
  readonly version: number;
  readonly segment: number;
  readonly atMs: number;
  readonly sinceMs: number;
}

interface End {
  readonly edges: number;
  readonly hosts: number;
}

export function encodeCheckpoint({ segment, atMs, sinceMs, edges, hosts }: Checkpoint): Buffer {
  const head: Head = { version, segment, atMs, sinceMs };
  const end: End = { edges: edges.length, hosts: hosts.length };
  return Buffer.concat([
    record('head', head),
    ...lists(edges).map((list) => record('edges', list)),
    ...lists(hosts).map((list) => record('hosts', list)),
    record('end', end),
  ]);
}

/** @returns why it is not one, where it is not */
export function decodeCheckpoint(bytes: Buffer): Checkpoint | 'damaged' | 'another version' {
  const edges: SavedEdge[] = [];
  const hosts: SavedHost[] = [];
  let head: Head | null = null;
  let end: End | null = null;
  for (const scanned of scanRecords(bytes, 0, listBytesMax)) {
    if (scanned.kind !== 'record') return 'damaged';
    const part = parsePart(scanned.bytes);
    if (part === null) return 'damaged';
    if (part.kind === 'head') head = part.value as Head;
    else if (head?.version !== version) return 'another version';
    else if (part.kind === 'end') end = part.value as End;
    else if (!Array.isArray(part.value)) return 'damaged';
    else if (part.kind === 'edges') edges.push(...(part.value as SavedEdge[]));
    else if (part.kind === 'hosts') hosts.push(...(part.value as SavedHost[]));
  }
  if (end?.edges !== edges.length || end.hosts !== hosts.length || !isHead(head)) return 'damaged';
  const { segment, atMs, sinceMs } = head;
  return { segment, atMs, sinceMs, edges, hosts };
}

function isHead(head: Head | null): head is Head {
  if (!Number.isSafeInteger(head?.segment)) return false;
  return Number.isFinite(head?.atMs) && Number.isFinite(head?.sinceMs);
}

type PartKind = 'head' | 'edges' | 'hosts' | 'end';

function record(kind: PartKind, value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify({ kind, value }));
  const framed = Buffer.allocUnsafe(body.length + recordHeaderBytes);
  encodeRecord([body], framed, 0);
  return framed;
}

function parsePart(bytes: Buffer): { readonly kind: PartKind; readonly value: unknown } | null {
  try {
    return JSON.parse(bytes.toString()) as { kind: PartKind; value: unknown };
  } catch {
    return null;
  }
}

/** Cut into lists of bounded length, by the text of what is in them. */
function lists<Item>(items: readonly Item[]): Item[][] {
  const cut: Item[][] = [];
  let letters = 0;
  for (const item of items) {
    const list = cut.at(-1);
    if (list === undefined || letters >= listLettersMax) {
      cut.push([item]);
      letters = 0;
    } else list.push(item);
    letters += lettersOf(item);
  }
  return cut;
}

/** The longest texts count; all else has few letters. */
function lettersOf(item: unknown): number {
  if (typeof item === 'string') return item.length;
  if (Array.isArray(item)) return item.reduce((sum: number, each) => sum + lettersOf(each), 0);
  if (typeof item === 'object' && item !== null) return lettersOf(Object.values(item));
  return 8;
}
