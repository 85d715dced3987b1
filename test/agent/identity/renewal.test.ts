/** Certificates that are renewed while the stream goes on, and what is said when that fails. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentTls } from '../../../agent/config.ts';
import type { Connection } from '../../../agent/export/connection.ts';
import { AgentIdentity } from '../../../agent/identity/agent-identity.ts';
import { isOverdue, leaseOf, renewalMs, retryAfterMs } from '../../../agent/identity/lease.ts';
import { realClock, realTimers } from '../../../model/timers.ts';
import { EnrollingServer } from '../../support/enrolling-server.ts';
import { until } from '../../support/until.ts';

describe('a lease', () => {
  const day = { fromMs: 1000, untilMs: 1000 + 86_400_000 };

  test('is renewed at about half of its life, each agent of a fleet at another time', () => {
    expect(renewalMs(day, 0)).toBe(1000 + 0.45 * 86_400_000);
    expect(renewalMs(day, 0.5)).toBeCloseTo(1000 + 0.5 * 86_400_000);
  });

  test('is tried again within half an hour, and not at once', () => {
    expect(retryAfterMs(day, 0)).toBe(15 * 60_000);
    expect(retryAfterMs(day, 1)).toBe(30 * 60_000);
    expect(retryAfterMs({ fromMs: 0, untilMs: 1000 }, 1)).toBe(500);
  });

  test('is overdue hours before its end', () => {
    const hourMs = 3_600_000;
    expect(isOverdue(day, 1000 + 15 * hourMs)).toBe(false);
    expect(isOverdue(day, 1000 + 16 * hourMs)).toBe(true);
  });

  test('that was kept stands on the clock that does not step', () => {
    const now = { unixMs: 5_000_000, monotonicMs: 70 };
    expect(leaseOf({ fromMs: 4_000_000, untilMs: 6_000_000 }, now)).toEqual({
      fromMs: -999_930,
      untilMs: 1_000_070,
    });
  });
});

describe('of a running agent', () => {
  let server: EnrollingServer;
  let folder: string;
  let logged: string[];
  const opened: (() => void)[] = [];

  beforeEach(async () => {
    server = await EnrollingServer.open(600);
    folder = mkdtempSync(join(tmpdir(), 'whotalks-renewal-'));
    logged = [];
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) each();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  function enrolled(tokenFile: string | null): AgentIdentity {
    const tls: AgentTls = {
      isOnlyIfWanted: false,
      ca: { kind: 'file', path: server.caFile },
      token: tokenFile === null ? null : { kind: 'file', path: tokenFile },
      own: null,
      folder,
    };
    const clock = realClock;
    const log = pino({ base: null, timestamp: false }, { write: (line: string) => void logged.push(line) });
    const identity = new AgentIdentity({
      tls,
      server: server.address,
      clock,
      timers: realTimers,
      random: Math.random,
      log,
    });
    opened.push(() => identity.close());
    return identity;
  }

  async function dial(identity: AgentIdentity): Promise<void> {
    const before = server.streams.length;
    const call: Connection = identity.connectAs('web-7')(server.address, {
      connected: () => undefined,
      said: () => undefined,
      drained: () => undefined,
      failed: (why) => logged.push(why),
      ended: (_code, why) => logged.push(why),
    });
    opened.push(() => call.cancel());
    call.write(Buffer.alloc(0));
    await until('the stream is there', () => server.streams.length > before || logged.join('\n'));
  }

  const serials = (): string[] =>
    server.streams.map((each) => (each.kind === 'agent' ? each.serial : each.kind));
  const renewals = (): number => server.audited.filter(({ kind }) => kind === 'renewed').length;

  test('it is replaced again and again, and the stream does not notice', async () => {
    const identity = enrolled(server.joinToken());
    await dial(identity);
    await until('it is renewed twice', () => renewals() >= 2);
    expect(server.ended).toBe(0);
    expect(identity.cannotSee).toEqual([]);
    await dial(identity);
    await dial(enrolled(null));
    const [first, second] = serials();
    expect(second).not.toBe(first);
    expect(logged).toEqual([expect.stringContaining('"msg":"enrolled"')]);
  });

  test('where it cannot be renewed, the host says so before it expires, until it can', async () => {
    const identity = enrolled(server.joinToken());
    await dial(identity);
    server.grants.append({ do: 'ban', host: 'web-7', atMs: Date.now() });
    await until('it is said', () => identity.cannotSee.length > 0);
    expect(identity.cannotSee).toEqual([
      expect.stringMatching(
        /^anything from \S+Z on, when its certificate expires: it cannot be renewed, since \S+ refuses this agent: host web-7 is banned; /,
      ),
    ]);
    const warnings = logged.filter((line) => line.includes('cannot be renewed'));
    expect(warnings).toHaveLength(1);
    server.grants.append({ do: 'unban', host: 'web-7', atMs: Date.now() });
  });
});
