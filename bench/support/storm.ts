/** Connections made as fast as wanted, in a namespace of their own: by a program in C where gcc is there, else in Node.js. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../../test/support/fleet/namespace.ts';
import { Asked } from './asked.ts';

const sourceInC = fileURLToPath(new URL('../programs/connection-storm.c', import.meta.url));
const programOfNode = fileURLToPath(new URL('../programs/connection-storm.mjs', import.meta.url));

const port = 8743;

/** How the connections are made. */
export interface StormMaker {
  /** For the reader of the figures. */
  readonly description: string;
  readonly argv: readonly string[];
  remove(): void;
}

export function makeStormProgram(): StormMaker {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-bench-'));
  const program = join(folder, 'connection-storm');
  const remove = (): void => rmSync(folder, { recursive: true });
  try {
    execFileSync('gcc', ['-O2', '-o', program, sourceInC], { stdio: 'pipe' });
    const version = execFileSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' }).trim();
    return { description: `a program in C, built by gcc ${version}`, argv: [program], remove };
  } catch {
    return {
      description: 'system calls from Node.js, as there is no gcc',
      argv: [process.execPath, programOfNode],
      remove,
    };
  }
}

export interface StormRound {
  readonly tookMs: number;
  readonly perSecond: number;
}

export class Storm {
  /** As the /proc of the namespace shows them. */
  readonly pids: { readonly server: number; readonly client: number };
  readonly #dial: Asked;

  private constructor(dial: Asked, pids: Storm['pids']) {
    this.#dial = dial;
    this.pids = pids;
  }

  static async open(inside: Namespace, { argv }: StormMaker): Promise<Storm> {
    const pidOf = async (side: Asked): Promise<number> => Number((await side.line()).split(' ')[1]);
    const server = await pidOf(Asked.run(inside, [...argv, 'serve', String(port)]));
    const dial = Asked.run(inside, [...argv, 'dial', String(port)]);
    return new Storm(dial, { server, client: await pidOf(dial) });
  }

  /** @param rate connections per second at most; 0 = as fast as it goes. Throws when some could not be made. */
  async make(count: number, rate: number): Promise<StormRound> {
    const [, tookMs, failures] = (await this.#dial.ask(`${count} ${rate}`)).split(' ').map(Number);
    if (failures !== 0) throw new Error(`${failures} of ${count} connections could not be made`);
    return { tookMs: tookMs!, perSecond: (count / tookMs!) * 1000 };
  }
}
