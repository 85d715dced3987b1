/** whotalks itself in the hosts of a fleet: the real programs of dist/, as a person would start them. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConnectionsDocument, HostsDocument } from '../../../model/document.ts';
import { until } from '../until.ts';
import type { Host } from './host.ts';
import type { Ledger } from './ledger.ts';
import { type Finished, runToEnd } from './namespace.ts';

/** Benches run a compiled copy of this file, which lies one folder deeper. */
const root = import.meta.url.includes('/dist/test/') ? '../../../..' : '../../..';
const mainProgram = fileURLToPath(new URL(`${root}/bin/whotalks`, import.meta.url));

export const grpcPort = 7443;
export const httpPort = 7480;

/** How often agents look in tests. */
const scanInterval = '250ms';

/** A running agent or aggregator. */
export interface Daemon {
  readonly host: Host;
  /** As the host's own /proc shows it. */
  readonly pid: number;
  /** As the test's own /proc shows it. */
  readonly outerPid: number;
  /** What it wrote on stderr so far. */
  log(): string;
  /** Sends the signal and waits until it is gone. */
  stop(signal?: 'TERM' | 'KILL'): Promise<void>;
  /** Keeps it from running at all, until resume(). */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** What a fleet over TLS was set up with. */
export interface Secured {
  /** Data folder of the aggregator. */
  readonly data: string;
  readonly caFile: string;
  /** File of a token that lets ask. */
  readonly readToken: string;
  /** @returns file of a new token that lets one host enrol */
  joinToken(): Promise<string>;
}

export class Whotalks {
  readonly #ledger: Ledger;
  /** Address on which the aggregator listens, for agents and questions. */
  #server = '';
  /** Of a fleet over TLS; null = plaintext. */
  #secured: Secured | null = null;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** From here on all goes over TLS: a CA on `host`, where the aggregator is to be, and tokens for whoever needs one. @param folder that all hosts see */
  async secure(host: Host, ip: string, folder: string): Promise<Secured> {
    // A host's own folder is not there for the others.
    const data = join(folder, 'data');
    const here = [...host.namespace.enter, process.execPath, mainProgram];
    const granted = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runToEnd([...here, ...args, '--data', data]);
      if (code !== 0) throw new Error(`whotalks ${args.join(' ')}: exit ${code}: ${stderr}`);
      return stdout;
    };
    await granted('ca', 'init', '--name', ip);
    let tokens = 0;
    const tokenFile = async (...args: string[]): Promise<string> => {
      const path = join(folder, `token-${tokens++}`);
      writeFileSync(path, await granted('token', 'create', ...args), { mode: 0o600 });
      return path;
    };
    const readToken = await tokenFile('--role', 'read', '--name', 'test');
    const caFile = join(data, 'security', 'ca.crt');
    this.#secured = { data, caFile, readToken, joinToken: () => tokenFile('--join') };
    return this.#secured;
  }

  /** @param ip address of `host` that the others reach */
  async startAggregator(host: Host, ip: string, ...flags: string[]): Promise<Daemon> {
    const daemon = await this.launchAggregator(host, ip, ...flags);
    await until(`the aggregator in ${host.host} answers`, async () => {
      const { code, stderr } = await this.run(host, 'hosts', '-o', 'json');
      return code === 0 || code === 5 || `${stderr}${daemon.log()}`;
    });
    return daemon;
  }

  /** As startAggregator, and does not wait until it answers. */
  launchAggregator(host: Host, ip: string, ...flags: string[]): Promise<Daemon> {
    this.serveFrom(ip);
    const http = `${ip}:${httpPort}`;
    const way = this.#secured === null ? ['--insecure'] : ['--data', this.#secured.data];
    const argv = ['aggregator', '--listen', this.#server, '--http', http, ...way, ...flags];
    return this.#startDaemon(host, argv);
  }

  /** Says where the aggregator is or will be. Agents may start before it. */
  serveFrom(ip: string): void {
    this.#server = `${ip}:${grpcPort}`;
    for (const port of [grpcPort, httpPort]) this.#ledger.infrastructure.add(`${ip}:${port}`);
  }

  /** @param flags over TLS also those that say how it enrols; without any it does with a token of its own */
  async startAgent(host: Host, ...flags: string[]): Promise<Daemon> {
    const identity = ['--host-id', `id-${host.host}`, '--host-name', host.host];
    // All hosts share a machine that is busy with other tests too: what an agent uses here tells nothing.
    const pace = ['--interval', scanInterval, '--cpu-max', '0'];
    return this.#startDaemon(host, [
      'agent',
      '--server',
      this.#server,
      ...(await this.#wayOfAgents(flags)),
      ...identity,
      ...pace,
      ...flags,
    ]);
  }

  /** Runs a command to its end in a host. Questions go to the aggregator. */
  run(host: Host, ...args: string[]): Promise<Finished> {
    const isLocal = args[0] === 'sockets';
    const server = isLocal ? [] : ['--server', this.#server, ...this.#wayOfQuestions()];
    return runToEnd([...host.namespace.enter, process.execPath, mainProgram, ...args, ...server]);
  }

  /**
   * The document of a command that answers with JSON. Exit 5, a partial answer, is an answer; exit 4 is a machine too busy
   * to answer in the seconds that a person waits, and is asked again.
   */
  async ask<Document>(host: Host, ...args: string[]): Promise<Document> {
    let answer: Finished | undefined;
    await until(`whotalks ${args.join(' ')} reaches the aggregator`, async () => {
      answer = await this.run(host, ...args, '-o', 'json');
      return answer.code !== 4 || answer.stderr;
    });
    const { code, stdout, stderr } = answer!;
    if (code !== 0 && code !== 5) throw new Error(`whotalks ${args.join(' ')}: exit ${code}: ${stderr}`);
    return JSON.parse(stdout) as Document;
  }

  connections(host: Host): Promise<ConnectionsDocument> {
    return this.ask<ConnectionsDocument>(host, 'connections', '--limit', '100000');
  }

  /** Waits until just these hosts are live. */
  async untilLive(asker: Host, ...names: string[]): Promise<void> {
    await until(`live: ${names.join(', ')}`, async () => {
      const { hosts } = await this.ask<HostsDocument>(asker, 'hosts');
      const live = hosts.filter(({ state }) => state === 'live').map(({ host }) => host);
      return live.sort().join() === names.toSorted().join() || `live are ${live.join(', ') || 'none'}`;
    });
  }

  #wayOfQuestions(): string[] {
    if (this.#secured === null) return ['--insecure'];
    return ['--ca', this.#secured.caFile, '--token-file', this.#secured.readToken];
  }

  async #wayOfAgents(flags: readonly string[]): Promise<string[]> {
    if (this.#secured === null) return ['--insecure'];
    if (flags.some((flag) => ['--insecure', '--ca', '--ca-sha256'].includes(flag))) return [];
    return ['--ca', this.#secured.caFile, '--token-file', await this.#secured.joinToken()];
  }

  async #startDaemon(host: Host, argv: readonly string[]): Promise<Daemon> {
    // The shell tells its pid, as the host's /proc shows it, and becomes the program.
    const shell = ['sh', '-c', 'echo $$; exec "$@"', 'sh', process.execPath, mainProgram, ...argv];
    const child = host.namespace.spawn(shell, { XDG_STATE_HOME: host.folder, XDG_CONFIG_HOME: host.folder });
    const log: string[] = [];
    child.stderr!.setEncoding('utf8').on('data', (text: string) => log.push(text));
    const [first] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
    child.stdout!.on('data', (text: string) => log.push(text));
    const pid = Number(first.split('\n', 1)[0]);
    return {
      host,
      pid,
      outerPid: onlyChildOf(child.pid!),
      log: () => log.join(''),
      stop: (signal = 'TERM') => stopDaemon(host, child, pid, signal),
      pause: () => host.kill(pid, 'STOP'),
      resume: async () => {
        await host.kill(pid, 'CONT');
        // nsenter stops with the program that it runs.
        child.kill('SIGCONT');
      },
    };
  }
}

/** nsenter has one child, the program that it runs. */
function onlyChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

async function stopDaemon(
  host: Host,
  child: ChildProcess,
  pid: number,
  signal: 'TERM' | 'KILL',
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  await host.kill(pid, signal);
  await gone;
}
