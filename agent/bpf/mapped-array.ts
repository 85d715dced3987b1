/** An array map whose values lie in the agent's own memory: what a program writes is there without a further call. */
import type { BpfCalls, Mapping } from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import { createArrayMap } from './syscall.ts';

/** mmap(2) takes whole pages. */
const pageBytes = 4096;

export class MappedArray {
  readonly fd: number;
  readonly entries: number;
  readonly #calls: BpfCalls;
  #mapping: Mapping | null;

  private constructor(calls: BpfCalls, fd: number, entries: number, mapping: Mapping) {
    this.#calls = calls;
    this.fd = fd;
    this.entries = entries;
    this.#mapping = mapping;
  }

  /** Throws BpfError. */
  static create(calls: BpfCalls, name: string, valueBytes: number, entries: number): MappedArray {
    const fd = createArrayMap(calls, name, valueBytes, entries);
    const mapping = calls.map(fd, Math.ceil((valueBytes * entries) / pageBytes) * pageBytes);
    if (mapping === null) {
      const errno = calls.errno();
      calls.close(fd);
      throw new BpfError(`map the map ${name}`, errno);
    }
    return new MappedArray(calls, fd, entries, mapping);
  }

  /** The values, one after the other. Not to be kept: after close() there is nothing behind it. */
  get bytes(): Buffer {
    if (this.#mapping === null) throw new Error('the map is closed');
    return this.#mapping.bytes;
  }

  /** Idempotent. */
  close(): void {
    if (this.#mapping === null) return;
    this.#mapping.unmap();
    this.#mapping = null;
    this.#calls.close(this.fd);
  }
}
