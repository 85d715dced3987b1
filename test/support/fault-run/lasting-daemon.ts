/** A daemon that comes and goes: killed, stopped, started again. What it took at its worst is remembered over its lives. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Daemon } from '../fleet/whotalks.ts';

export class LastingDaemon {
  readonly #launch: () => Promise<Daemon>;
  #daemon: Daemon | null = null;
  #peakMiB = 0;
  /** What its earlier lives wrote last. */
  #lastWords = '';

  /** @param launch starts it; need not wait until it is ready */
  constructor(launch: () => Promise<Daemon>) {
    this.#launch = launch;
  }

  async start(): Promise<void> {
    if (this.#daemon !== null) throw new Error('it runs already');
    this.#daemon = await this.#launch();
  }

  /** Ends it with no chance to say a word. */
  async kill(): Promise<void> {
    const daemon = this.#running();
    this.notePeak();
    await daemon.stop('KILL');
    this.#lastWords = daemon.log().slice(-lastWordsMax);
    this.#daemon = null;
  }

  pause(): Promise<void> {
    return this.#running().pause();
  }

  resume(): Promise<void> {
    return this.#running().resume();
  }

  /** Resident memory now; 0 while it does not run. */
  get rssMiB(): number {
    return this.#memoryMiB('VmRSS');
  }

  /** The most that it took since forgetPeak(), in any of its lives. */
  get peakMiB(): number {
    this.notePeak();
    return this.#peakMiB;
  }

  notePeak(): void {
    this.#peakMiB = Math.max(this.#peakMiB, this.#memoryMiB('VmHWM'));
  }

  /** From now on the peak is that of what follows. */
  forgetPeak(): void {
    this.#peakMiB = 0;
    // clear_refs(5) of proc(5): "5" resets the peak resident set size.
    if (this.#daemon !== null) writeFileSync(`/proc/${this.#daemon.outerPid}/clear_refs`, '5');
  }

  /** The end of what it wrote, that of its life before included while it said little. */
  get words(): string {
    return `${this.#lastWords}${this.#daemon?.log() ?? ''}`.slice(-lastWordsMax);
  }

  #running(): Daemon {
    if (this.#daemon === null) throw new Error('it does not run');
    return this.#daemon;
  }

  #memoryMiB(field: 'VmRSS' | 'VmHWM'): number {
    if (this.#daemon === null) return 0;
    const status = readStatus(this.#daemon.outerPid);
    return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024;
  }
}

/** Empty where the process is gone by then. */
function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

/** Characters. */
const lastWordsMax = 4_000;
