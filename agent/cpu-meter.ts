/** How much CPU the agent has used. */

/** `usedMs` only ever grows. */
export interface CpuMeter {
  /** A scan begins. */
  turnBegins(): void;
  /** It was made, and what it brought is dealt with. */
  turnEnds(): void;
  /** User and system time of all threads. */
  readonly usedMs: number;
}

/** The whole process is the agent: all that it uses counts. */
export class ProcessCpu implements CpuMeter {
  turnBegins(): void {}

  turnEnds(): void {}

  get usedMs(): number {
    return readProcessCpuMs();
  }
}

/** The agent shares its process with others, so that only what is used during scans is known to be its own. */
export class TurnCpu implements CpuMeter {
  #usedMs = 0;
  #begunAtMs = 0;

  turnBegins(): void {
    this.#begunAtMs = readProcessCpuMs();
  }

  turnEnds(): void {
    this.#usedMs += readProcessCpuMs() - this.#begunAtMs;
  }

  get usedMs(): number {
    return this.#usedMs;
  }
}

function readProcessCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
