/** A real nats-server with JetStream for a test: own port on loopback, own store folder, gone after the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

export class NatsServer {
  readonly url: string;
  readonly #port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'whotalks-nats-'));
  readonly #jetstream: boolean;
  #process: ChildProcess | null = null;

  private constructor(port: number, jetstream: boolean) {
    this.#port = port;
    this.#jetstream = jetstream;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** A server that is not running yet. Its port and what it stored stay the same over stop and start. */
  static async prepare(options: { readonly jetstream?: boolean } = {}): Promise<NatsServer> {
    return new NatsServer(await freePort(), options.jetstream ?? true);
  }

  static async start(options: { readonly jetstream?: boolean } = {}): Promise<NatsServer> {
    const server = await NatsServer.prepare(options);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const config = join(this.#folder, 'nats.conf');
    const jetstream = this.#jetstream ? `jetstream { store_dir: "${this.#folder}/store" }` : '';
    writeFileSync(config, `listen: "127.0.0.1:${this.#port}"\n${jetstream}\n`);
    const child = spawn('nats-server', ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await until('nats-server is ready', () => log.includes('Server is ready') || log);
  }

  /** @param signal KILL as when the machine takes it away */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Stops it from doing anything, without closing its connections. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
