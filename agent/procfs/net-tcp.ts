/**
 * /proc/PID/net/{tcp,tcp6,udp,udp6}: the socket tables of a namespace (net/ipv4/tcp_ipv4.c, get_tcp4_sock and its
 * siblings; the four files share their first ten columns, from the oldest kernels on).
 *
 *     sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ...
 *     52: 8A11010A:21CD 0964010A:2227 01 00000000:00000000 00:00000000 00000000     0        0 2305224138 ...
 *
 * An IPv4 address is one word of the host, printed as a number: little-endian machines show its bytes reversed. An
 * IPv6 address is four such words. Ports are numbers. A table has one row per socket, up to hundreds of thousands, so
 * the rows are parsed from the bytes where they lie, and only what a row keeps becomes an object.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import { formatIp, type IpAddress } from '../../model/ip.ts';
import type { Owner } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { type Protocol, type SocketState, stateOf } from '../../model/socket-state.ts';
import { type MalformedRow, malformedRowsMax } from '../collector.ts';

/** Names of the tables below /proc/PID/net. */
export const socketTables = ['tcp', 'tcp6', 'udp', 'udp6'] as const;

export type SocketTable = (typeof socketTables)[number];

/** Where a table comes from. */
export interface TableSource {
  readonly table: SocketTable;
  /** As opened; told with a malformed row. */
  readonly file: string;
  /** Inode of the namespace that the rows belong to. */
  readonly netns: number;
}

/** How much of the offending text a malformed row carries. */
const offendingTextMax = 80;

const noOwners: readonly Owner[] = [];

const newline = 0x0a;
const space = 0x20;
const colon = 0x3a;

/** Hexadecimal digits of one address word. */
const wordDigits = 8;
const portDigits = 4;

/** Columns between the state and the user that no row keeps, with the places of their colon and end. */
const skippedColumns = [
  { name: 'tx_queue rx_queue', colonAt: 8, width: 17 },
  { name: 'tr tm->when', colonAt: 0, width: 0 },
  { name: 'retrnsmt', colonAt: 0, width: 0 },
] as const;

/** Parses a whole table. */
export function parseSocketTable(bytes: Buffer, source: TableSource): SocketTableParser {
  const parser = new SocketTableParser(bytes, source);
  parser.parseRows(Number.POSITIVE_INFINITY);
  return parser;
}

/** Parses a table in steps, so that a long one can be spread over several turns of the event loop. */
export class SocketTableParser {
  /** Without owners yet: the field is there so that resolving them needs no second object per row. */
  readonly rows: OwnedSocket[] = [];
  /** The first malformedRowsMax of those that could not be read; a malformed row costs no other row. */
  readonly malformed: MalformedRow[] = [];
  malformedTotal = 0;

  readonly #bytes: Buffer;
  readonly #source: TableSource;
  readonly #protocol: Protocol;
  readonly #words: 1 | 4;
  /** Few distinct addresses stand in many rows; each becomes a string once. */
  readonly #ipv4 = new Map<number, IpAddress>();
  readonly #ipv6 = new Map<string, IpAddress>();
  #line = 0;
  /** Offset of the newline that ends the current line; -1 before the first. */
  #lineEnd = -1;
  /** Bounds of the column being read. */
  #from = 0;
  #to = 0;

  constructor(bytes: Buffer, source: TableSource) {
    this.#bytes = bytes;
    this.#source = source;
    this.#protocol = source.table.startsWith('tcp') ? 'tcp' : 'udp';
    this.#words = source.table.endsWith('6') ? 4 : 1;
  }

  /** Reads up to `count` further lines. True while there are more. */
  parseRows(count: number): boolean {
    for (let left = count; left > 0; left--) {
      if (!this.#nextLine()) return false;
      if (this.#line === 1 && this.#isHeader()) continue;
      const row = this.#parseRow();
      if (row !== null) this.rows.push(row);
    }
    return this.#lineEnd + 1 < this.#bytes.length;
  }

  #nextLine(): boolean {
    const start = this.#lineEnd + 1;
    if (start >= this.#bytes.length) return false;
    const end = this.#bytes.indexOf(newline, start);
    this.#lineEnd = end < 0 ? this.#bytes.length : end;
    this.#from = start;
    this.#to = start;
    this.#line++;
    return true;
  }

  #isHeader(): boolean {
    return this.#bytes.toString('latin1', this.#from, this.#lineEnd).trimStart().startsWith('sl ');
  }

  /** Null when the line is malformed (and noted), or blank. Columns that no row keeps are passed over unread. */
  #parseRow(): OwnedSocket | null {
    this.#nextColumn();
    if (this.#from === this.#to) return null;
    if (this.#bytes[this.#to - 1] !== colon) return this.#reject('sl');
    const local = this.#nextEndpoint();
    if (local === null) return this.#reject('local_address');
    const remote = this.#nextEndpoint();
    if (remote === null) return this.#reject(this.#words === 4 ? 'remote_address' : 'rem_address');
    const state = this.#nextState();
    if (state === null) return this.#reject('st');
    for (const { name, colonAt, width } of skippedColumns) {
      if (!this.#nextColumn(colonAt, width)) return this.#reject(name);
    }
    const uid = this.#nextDecimal();
    if (uid < 0) return this.#reject('uid');
    if (!this.#nextColumn()) return this.#reject('timeout');
    const inode = this.#nextDecimal();
    if (inode < 0) return this.#reject('inode');
    const { netns } = this.#source;
    return { protocol: this.#protocol, state, local, remote, inode, uid, netns, owners: noOwners };
  }

  /**
   * Moves on to the next column; false, with an empty column, at the end of the line.
   *
   * Columns of two numbers are printed with a fixed width: where a colon and the space after them stand at their
   * places, the characters in between need no looking through here.
   */
  #nextColumn(colonAt = 0, width = 0): boolean {
    const bytes = this.#bytes;
    let at = this.#to;
    while (at < this.#lineEnd && bytes[at] === space) at++;
    this.#from = at;
    const end = at + width;
    if (width > 0 && end < this.#lineEnd && bytes[end] === space && bytes[at + colonAt] === colon) at = end;
    else while (at < this.#lineEnd && bytes[at] !== space) at++;
    this.#to = at;
    return this.#from < at;
  }

  #nextEndpoint(): Endpoint | null {
    const digits = this.#words * wordDigits;
    this.#nextColumn(digits, digits + 1 + portDigits);
    const separator = this.#from + digits;
    if (this.#to - this.#from !== digits + 1 + portDigits || this.#bytes[separator] !== colon) return null;
    const port = this.#hex(separator + 1, portDigits);
    const ip = this.#words === 1 ? this.#ipv4At(this.#from) : this.#ipv6At(this.#from);
    return ip === null || port < 0 ? null : { ip, port };
  }

  #ipv4At(from: number): IpAddress | null {
    const word = this.#hex(from, wordDigits);
    if (word < 0) return null;
    let ip = this.#ipv4.get(word);
    if (ip === undefined) {
      ip = formatIp(wordBytes([word]));
      this.#ipv4.set(word, ip);
    }
    return ip;
  }

  /** IPv4-mapped addresses become IPv4 ones (formatIp folds them). */
  #ipv6At(from: number): IpAddress | null {
    const text = this.#bytes.toString('latin1', from, from + 4 * wordDigits);
    let ip = this.#ipv6.get(text);
    if (ip === undefined) {
      const words = [0, 1, 2, 3].map((i) => this.#hex(from + i * wordDigits, wordDigits));
      if (words.includes(-1)) return null;
      ip = formatIp(wordBytes(words));
      this.#ipv6.set(text, ip);
    }
    return ip;
  }

  /** Two digits. A datagram socket is either connected (1) or not (7), whatever else TCP may be. */
  #nextState(): SocketState | null {
    this.#nextColumn();
    if (this.#to - this.#from !== 2) return null;
    const number = this.#hex(this.#from, 2);
    if (this.#protocol === 'udp' && number !== 1 && number !== 7) return null;
    return stateOf(this.#protocol, number);
  }

  /** -1 when a digit is none. */
  #hex(from: number, digits: number): number {
    let value = 0;
    for (let at = from; at < from + digits; at++) {
      const digit = hexDigit(this.#bytes[at]!);
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }

  /** -1 when the next column is no number, or one that would lose digits. */
  #nextDecimal(): number {
    if (!this.#nextColumn()) return -1;
    let value = 0;
    for (let at = this.#from; at < this.#to; at++) {
      const digit = this.#bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return Number.isSafeInteger(value) ? value : -1;
  }

  #reject(column: string): null {
    this.malformedTotal++;
    if (this.malformed.length < malformedRowsMax) {
      const text = this.#bytes.toString(
        'latin1',
        this.#from,
        Math.min(this.#to, this.#from + offendingTextMax),
      );
      this.malformed.push({ file: this.#source.file, line: this.#line, column, text });
    }
    return null;
  }
}

/** Words as the kernel prints them to the bytes of the address: each word is little-endian. */
function wordBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word, true);
  return bytes;
}

/** -1 for anything but a hexadecimal digit. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}
