/**
 * A collector in a process of its own, as an agent has it, whose scans are measured one by one: CPU of the whole process
 * while it scans, with garbage collection and whatever else the scan sets off.
 */
import { createInterface } from 'node:readline';
import { createSockdiagCollector } from '../../agent/collect/sockdiag-collector.ts';
import type { Namespace } from '../../test/support/fleet/namespace.ts';

/** One scan by a collector that lasts, or the first one of a new collector. */
export type ScanKind = 'scan' | 'cold';

export interface MeasuredScan {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly sockets: number;
  readonly ownedSockets: number;
}

/** The word that makes a bench program run as a scanner. */
export const scannerRole = 'scanner';

/** Answers each line on stdin, a ScanKind, with a MeasuredScan as JSON, until stdin ends. */
export async function runScanner(): Promise<void> {
  const lasting = await createSockdiagCollector();
  for await (const kind of createInterface({ input: process.stdin })) {
    const startedMs = performance.now();
    const before = process.cpuUsage();
    const collector = kind === 'cold' ? await createSockdiagCollector() : lasting;
    const { sockets } = await collector.scan();
    const { user, system } = process.cpuUsage(before);
    const wallMs = performance.now() - startedMs;
    if (collector !== lasting) collector.close();
    const ownedSockets = sockets.filter(({ owners }) => owners.length > 0).length;
    const measured: MeasuredScan = {
      cpuMs: (user + system) / 1000,
      wallMs,
      sockets: sockets.length,
      ownedSockets,
    };
    process.stdout.write(`${JSON.stringify(measured)}\n`);
  }
  lasting.close();
}

/** A program in a namespace that answers line by line. */
export class Asked {
  readonly #program: ReturnType<Namespace['spawn']>;
  readonly #lines: AsyncIterator<string>;

  constructor(inside: Namespace, argv: readonly string[]) {
    this.#program = inside.spawn([process.execPath, ...argv]);
    this.#program.stderr!.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#program.stdout! })[Symbol.asyncIterator]();
  }

  /** Its next line. Throws when it ended instead. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('a program of the bench ended without an answer');
    return next.value;
  }

  async ask(question: string): Promise<string> {
    this.#program.stdin!.write(`${question}\n`);
    return this.line();
  }
}
