/**
 * Kernel namespaces that look like a machine of their own: network, processes and host name, and for a host its /proc.
 *
 * A namespace has no name and no file anywhere; it lives as long as its first process, and that one as long as the
 * pipe which the test holds. Nothing is left over from a run, however it ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const initScript = fileURLToPath(new URL('../programs/namespace-init.sh', import.meta.url));

/** Only root can; tests of fleets are skipped for anybody else. */
export const canMakeNamespaces = process.getuid?.() === 0;

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. @param input what it reads on stdin */
export async function runToEnd(argv: readonly string[], input = ''): Promise<Finished> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that ends without reading its input is no error.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? 128, stdout, stderr };
}

export class Namespace {
  /** Command prefix that enters it from the test's own namespaces. */
  readonly enter: readonly string[];
  /** Command prefix that enters its network alone; pids keep their meaning. */
  readonly enterNetwork: readonly string[];
  /** Its first process, as its creator's /proc shows it. */
  readonly pid: number;
  readonly #init: ChildProcess;

  private constructor(init: ChildProcess, pid: number, outer: readonly string[], kind: 'host' | 'container') {
    this.#init = init;
    this.pid = pid;
    const target = [...outer, 'nsenter', '--target', String(pid)];
    // A container here keeps its host's mounts, so /proc shows its processes under the host's numbers.
    this.enter = [...target, '--net', '--pid', '--uts', ...(kind === 'host' ? ['--mount'] : []), '--'];
    this.enterNetwork = [...target, '--net', '--'];
  }

  /** @param outer prefix that enters the namespace in which this one is made; none for a host */
  static async open(
    kind: 'host' | 'container',
    name: string,
    outer: readonly string[] = [],
  ): Promise<Namespace> {
    const unshare = [
      'unshare',
      '--kill-child',
      '--net',
      '--pid',
      '--uts',
      ...(kind === 'host' ? ['--mount'] : []),
    ];
    const argv = [...outer, ...unshare, '--', 'bash', initScript, kind, name];
    const init = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
    let errors = '';
    init.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    for await (const line of createInterface({ input: init.stdout })) {
      const ready = /^ready ([0-9]+)$/.exec(line);
      if (ready !== null) return new Namespace(init, Number(ready[1]), outer, kind);
    }
    throw new Error(`namespace ${name}: ${errors.trim() || 'its first process ended at once'}`);
  }

  /** Runs a command inside and returns its stdout. Throws with its stderr when it fails. */
  async run(argv: readonly string[], input = ''): Promise<string> {
    return expectSuccess(argv, await runToEnd([...this.enter, ...argv], input));
  }

  /** Commands of `ip`, one per line, in this network; pids in them are those of the creator. */
  async ip(lines: readonly string[]): Promise<void> {
    const argv = [...this.enterNetwork, 'ip', '-batch', '-'];
    expectSuccess(lines, await runToEnd(argv, `${lines.join('\n')}\n`));
  }

  /** Starts a command inside. Its stdio is piped. */
  spawn(argv: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const all = [...this.enter, ...argv];
    return spawn(all[0]!, all.slice(1), { stdio: 'pipe', env: { ...process.env, ...env } });
  }

  /** Ends everything inside and waits until it is gone. */
  async close(): Promise<void> {
    if (this.#init.exitCode !== null || this.#init.signalCode !== null) return;
    const gone = once(this.#init, 'exit');
    this.#init.stdin!.end();
    await gone;
  }
}

function expectSuccess(argv: readonly string[], { code, stdout, stderr }: Finished): string {
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}: ${stderr.trim()}`);
  return stdout;
}
