/** The sockets that a bench measures, in a host of namespaces of its own: see programs/socket-load.mjs. */
import { fileURLToPath } from 'node:url';
import { Namespace } from '../../test/support/fleet/namespace.ts';
import { Asked } from './asked.ts';

const program = fileURLToPath(new URL('../programs/socket-load.mjs', import.meta.url));

export interface LoadSize {
  readonly processes: number;
  readonly socketsPerProcess: number;
}

export function socketsOf({ processes, socketsPerProcess }: LoadSize): number {
  return processes * socketsPerProcess;
}

export function socketsLabel(size: LoadSize): string {
  return `${socketsOf(size).toLocaleString('en')} TCP sockets of ${size.processes} processes`;
}

export class SocketLoad {
  readonly inside: Namespace;
  readonly #program: Asked;

  private constructor(inside: Namespace, asked: Asked) {
    this.inside = inside;
    this.#program = asked;
  }

  static async open({ processes, socketsPerProcess }: LoadSize): Promise<SocketLoad> {
    const inside = await Namespace.open('host', 'bench');
    const asked = new Asked(inside, [program, String(processes), String(socketsPerProcess)]);
    await asked.line();
    return new SocketLoad(inside, asked);
  }

  /** Some processes replace connections by new ones. */
  async churn(connections: number, holders: number): Promise<void> {
    await this.#program.ask(`churn ${connections} ${holders}`);
  }

  /** From here on a connection waits to be accepted. */
  async queue(): Promise<void> {
    await this.#program.ask('queue');
  }

  close(): Promise<void> {
    return this.inside.close();
  }
}
