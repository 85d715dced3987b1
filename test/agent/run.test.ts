/** The agent as a whole, in this process, with a collector that shows what the test says, against the real ingest. */
import { get } from 'node:http';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { Collector, Scan } from '../../agent/collector.ts';
import { type AgentConfig, defaultAgentConfig } from '../../agent/config.ts';
import type { CpuMeter } from '../../agent/cpu-meter.ts';
import type { AgentParts } from '../../agent/pipeline.ts';
import { runAgent } from '../../agent/run.ts';
import { epochAt } from '../../agent/spool/epoch.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { type IngestServer, startIngest } from '../aggregator/ingest/grpc-link.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { netnsInode, netnsOf, socketOf } from './export/sockets.ts';

/** Shows `sockets`, or fails while `failure` is set. */
class ShownSockets implements Collector {
  readonly name = 'shown';
  sockets: OwnedSocket[] = [];
  failure: Error | null = null;
  isClosed = false;
  more: Partial<Scan> = {};

  scans = 0;

  async scan(): Promise<Scan> {
    this.scans++;
    if (this.failure !== null) throw this.failure;
    const nowMs = Date.now();
    return {
      startedAtMs: nowMs,
      finishedAtMs: nowMs,
      sockets: this.sockets,
      netns: [netnsOf(netnsInode, '10.1.17.138')],
      scannedNetns: new Set([netnsInode]),
      malformed: [],
      malformedTotal: 0,
      cannotSee: [],
      ...this.more,
    };
  }

  close(): void {
    this.isClosed = true;
  }
}

describe('the agent', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function start(more: Partial<AgentConfig> = {}, parts: Partial<AgentParts> = {}) {
    // On a port that it can have again.
    const server: IngestServer = await startIngest({}, await freePort());
    cleanups.push(() => server.close());
    const collector = new ShownSockets();
    const end = new AbortController();
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg) });
    const config = {
      ...defaultAgentConfig,
      server: server.address,
      hostId: 'h1',
      hostName: 'web-1',
      intervalMs: 30,
      cpuMaxPercent: 0,
    };
    const run = runAgent({ ...config, ...more }, { collector, log, signal: end.signal, ...parts });
    const stop = async (): Promise<void> => {
      end.abort();
      await run;
    };
    cleanups.push(stop);
    return { server, collector, lines, stop };
  }

  test('reports what its collector sees, from the first scan to the last', async () => {
    const { server, collector, stop } = await start({ labels: new Map([['tier', 'web']]), realm: 'site-a' });
    collector.sockets = [socketOf(1), socketOf(2)];
    await until('both are open', () => server.ledger.openPorts.length === 2);
    const [host] = [...server.ingest.hosts()];
    expect(host).toMatchObject({
      id: 'h1',
      name: 'web-1',
      realm: 'site-a',
      labels: new Map([['tier', 'web']]),
      state: 'live',
      collector: 'shown',
      intervalMs: 30,
    });
    expect(host!.netns).toEqual(new Map([[netnsInode, netnsOf(netnsInode, '10.1.17.138')]]));
    collector.sockets = [socketOf(2)];
    await until('one is closed', () => server.ledger.openPorts.length === 1);
    await stop();
    expect(collector.isClosed).toBe(true);
    await until('the host is stale', () => host!.state === 'stale');
  });

  test('says once when its first scan was taken in', async () => {
    const scansBefore: number[] = [];
    const { collector } = await start({}, { afterFirstScan: () => scansBefore.push(collector.scans) });
    await until('three scans were made', () => collector.scans >= 3);
    expect(scansBefore).toEqual([1]);
  });

  test('a scan that fails leaves a gap and closes nothing', async () => {
    const { server, collector, lines } = await start();
    collector.sockets = [socketOf(1)];
    await until('it is open', () => server.ledger.openPorts.length === 1);
    collector.failure = new Error('EMFILE');
    await until('it failed', () => lines.includes('scan failed: EMFILE'));
    collector.failure = null;
    const [host] = [...server.ingest.hosts()];
    await until('the gap is told', () => host!.gaps.length > 0);
    expect(host!.gaps[0]).toMatchObject({ reason: 'a scan failed', lostEvents: 0 });
    expect(lines.filter((line) => line.startsWith('scan failed'))).toEqual(['scan failed: EMFILE']);
    expect(server.ledger.story).toEqual(['opened 1025']);
  });

  test('rows that cannot be read are one line', async () => {
    const { collector, lines } = await start();
    collector.more = {
      malformed: [{ file: '/proc/1/net/tcp', line: 7, column: 'st', text: 'ZZ' }],
      malformedTotal: 2,
    };
    const expected = 'rows that cannot be read, such as /proc/1/net/tcp:7: column st is "ZZ"';
    await until('it is told', () => lines.includes(expected));
    collector.scans = 0;
    await until('three more scans were made', () => collector.scans >= 3);
    expect(lines.filter((line) => line === expected)).toHaveLength(1);
  });

  test('that uses more CPU than it may looks less often, and its host says so', async () => {
    const cpu: CpuMeter = {
      usedMs: 0,
      turnBegins: () => undefined,
      turnEnds() {
        Object.assign(this, { usedMs: this.usedMs + 5 });
      },
    };
    const paceTimes = {
      warmUpMs: 50,
      windowMs: 100,
      averageOverMs: 100,
      intervalMaxMs: 150,
      repayOverMs: 1000,
      debtMaxOfMs: 500,
    };
    const { server, lines } = await start({ cpuMaxPercent: 2 }, { cpu, paceTimes });
    const told = 'cans are made every 150 ms rather than every 30 ms';
    await until('it is a line of the log', () => lines.some((line) => line.startsWith(`s${told}`)));
    // An aggregator that comes anew is told at once, another one with the next heartbeat.
    server.close();
    const next = await startIngest({}, Number(server.address.split(':')[1]));
    cleanups.push(() => next.close());
    await until('the host says so', () => {
      const [host] = [...next.ingest.hosts()];
      return host?.intervalMs === 150 && host.cannotSee.some((text) => text.startsWith(`S${told}`));
    });
  });

  test('answers Prometheus', async () => {
    const { server, collector, lines } = await start({ metrics: '127.0.0.1:0' });
    collector.sockets = [socketOf(1)];
    await until('it is open', () => server.ledger.openPorts.length === 1);
    await until('the scrape says so', async () => {
      const [, url] = lines.map((line) => /^metrics at (.*)$/.exec(line)).find((match) => match !== null)!;
      const text = await fetchText(url!);
      return /^whotalks_agent_events_opened_total 1$/m.test(text) && /^whotalks_agent_in_step 1$/m.test(text);
    });
  });

  test('does not send plaintext off loopback unless told to', async () => {
    const config = { ...defaultAgentConfig, server: '10.0.0.1:7443' };
    const parts = {
      collector: new ShownSockets(),
      log: pino({ level: 'silent' }),
      signal: AbortSignal.abort(),
    };
    await expect(runAgent(config, parts)).rejects.toThrow('--server 10.0.0.1:7443 is not loopback');
    await expect(runAgent({ ...config, server: 'nowhere' }, parts)).rejects.toThrow(
      '"nowhere" is not HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443',
    );
    const exposed = { ...defaultAgentConfig, metrics: '0.0.0.0:9100' };
    await expect(runAgent(exposed, parts)).rejects.toThrow('--metrics 0.0.0.0:9100 is not loopback');
  });
});

test('an epoch grows with time and stays exact', () => {
  const now = Date.UTC(2026, 0, 1);
  expect(epochAt(now + 1)).toBeGreaterThan(epochAt(now));
  expect(Number.isSafeInteger(epochAt(Date.UTC(2200, 0, 1)))).toBe(true);
});

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
