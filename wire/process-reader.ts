/**
 * Definitions of processes straight from the bytes of a message. A snapshot has hundreds of them, and messages of a busy host
 * some; their texts are most of what costs time then. So the bytes of a definition become one string, each a letter, and texts
 * in plain ASCII, as nearly all are, are parts of that.
 *
 *     #from, #to     by field number of ProcessDefinition: where the text stands in the message; #from 0 = it is absent
 */
import type { ProcessDefinition } from './agent-batch.ts';
import { textLimits } from './agent-limits.ts';
import { checkId, checkInteger, checkText } from './checks.ts';
import { wireTypes } from './message-type.ts';
import { TagCursor } from './tag-cursor.ts';

/** Numbers of the fields of ProcessDefinition; all others are text. */
export const processNumbers = {
  id: 1,
  pid: 2,
  startTicks: 3,
  comm: 4,
  exe: 5,
  cmdline: 6,
  program: 7,
  uid: 8,
  user: 9,
  container: 10,
  unit: 11,
  pod: 12,
  runtime: 13,
  containerName: 14,
  podName: 15,
  podNamespace: 16,
  workload: 17,
} as const;

const fieldsEnd = processNumbers.workload + 1;

export class ProcessReader {
  readonly #cursor = new TagCursor();
  readonly #from = new Int32Array(fieldsEnd);
  readonly #to = new Int32Array(fieldsEnd);
  readonly #numbers = new Float64Array(fieldsEnd);
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  /** The definition as text, each byte a letter. */
  #letters = '';

  /** Throws WireError. */
  read(bytes: Buffer, start: number, end: number): ProcessDefinition {
    this.#bytes = bytes;
    this.#start = start;
    this.#from.fill(0);
    this.#numbers.fill(0);
    this.#walk(start, end);
    this.#letters = bytes.toString('latin1', start, end);
    const number = processNumbers;
    const process = {
      pid: this.#numbers[number.pid]!,
      startTicks: checkInteger('start_ticks', this.#numbers[number.startTicks]!),
      comm: this.#text('comm', number.comm, textLimits.name) ?? '',
      exe: this.#text('exe', number.exe, textLimits.path),
      cmdline: this.#text('cmdline', number.cmdline, textLimits.cmdline),
      program: this.#text('program', number.program, textLimits.path),
      uid: this.#numbers[number.uid]!,
      user: this.#text('user', number.user, textLimits.name),
      container: this.#text('container', number.container, textLimits.name),
      unit: this.#text('unit', number.unit, textLimits.name),
      pod: this.#text('pod', number.pod, textLimits.name),
      runtime: this.#text('runtime', number.runtime, textLimits.name),
      containerName: this.#text('container_name', number.containerName, textLimits.name),
      podName: this.#text('pod_name', number.podName, textLimits.name),
      podNamespace: this.#text('pod_namespace', number.podNamespace, textLimits.name),
      workload: this.#text('workload', number.workload, textLimits.name),
    };
    return { id: checkId('process', this.#numbers[number.id]!), process };
  }

  #walk(start: number, end: number): void {
    const cursor = this.#cursor;
    cursor.begin(this.#bytes, start, end);
    while (!cursor.isAtEnd) {
      const key = cursor.uint32();
      const number = key >>> 3;
      const type = key & 7;
      if (number >= fieldsEnd || type !== typeOf(number)) cursor.pass(type);
      else if (type === wireTypes.bytes) {
        this.#from[number] = cursor.pass(type);
        this.#to[number] = cursor.at;
      } else if (number === processNumbers.startTicks) this.#numbers[number] = cursor.uint64();
      else this.#numbers[number] = cursor.low32();
    }
  }

  #text(name: string, number: number, max: number): string | null {
    const from = this.#from[number]!;
    if (from === 0) return null;
    const to = this.#to[number]!;
    const text = isAscii(this.#bytes, from, to)
      ? this.#letters.slice(from - this.#start, to - this.#start)
      : this.#bytes.toString('utf8', from, to);
    return checkText(name, text, max);
  }
}

/** Texts are short: asking Node takes longer than looking. */
function isAscii(bytes: Buffer, from: number, to: number): boolean {
  let bits = 0;
  for (let at = from; at < to; at++) bits |= bytes[at]!;
  return bits < 0x80;
}

function typeOf(number: number): number {
  const { id, pid, startTicks, uid } = processNumbers;
  const isNumber = number === id || number === pid || number === startTicks || number === uid;
  return isNumber ? wireTypes.varint : wireTypes.bytes;
}
