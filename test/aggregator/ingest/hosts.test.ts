/** Leases: how long a silent host is believed, and who speaks for it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AgentRecord, LiveStream } from '../../../aggregator/ingest/agent-record.ts';
import { StreamDictionary } from '../../../aggregator/ingest/dictionary.ts';
import { Hosts, type Refusal } from '../../../aggregator/ingest/hosts.ts';
import { defaultIngestLimits } from '../../../aggregator/ingest/limits.ts';
import { opened } from '../../agent/export/sockets.ts';
import { createTestAgent, helloOf, silent, TestLink } from './in-memory-link.ts';
import { ReportsLedger } from './reports-ledger.ts';

/** Both clocks start apart, so that none can stand for the other. */
const at = (ms: number) => ({ unixMs: 1_700_000_000_000 + ms, monotonicMs: ms });

describe('Hosts', () => {
  let ledger: ReportsLedger;
  let hosts: Hosts;

  beforeEach(() => {
    ledger = new ReportsLedger();
    hosts = new Hosts(ledger, { ...defaultIngestLimits, hostsMax: 2 }, silent);
  });

  function stream(hello = helloOf()): LiveStream & { readonly supersededBy: string[] } {
    const supersededBy: string[] = [];
    return { hello, supersededBy, supersede: (reason) => supersededBy.push(reason) };
  }

  function admit(live: LiveStream, ms = 0): AgentRecord {
    const admitted = hosts.admit(live, 0, at(ms)) as AgentRecord | Refusal;
    if ('reason' in admitted) throw new Error(admitted.reason);
    admitted.describe(live.hello, new StreamDictionary(), at(ms).unixMs);
    return admitted;
  }

  test('live → stale after 40 s of silence → lost after 5 min', () => {
    const { host } = admit(stream());
    hosts.sweep(at(39_999));
    expect(host.state).toBe('live');
    hosts.sweep(at(40_000));
    expect(host).toMatchObject({ state: 'stale', awaySinceMs: at(40_000).unixMs, lastSeenMs: at(0).unixMs });
    hosts.sweep(at(299_999));
    expect(host.state).toBe('stale');
    hosts.sweep(at(300_000));
    expect(host).toMatchObject({ state: 'lost', awaySinceMs: at(40_000).unixMs });
    expect(ledger.hostStates).toEqual(['web-1 stale', 'web-1 lost']);
    expect([...hosts.all()]).toEqual([host]);
  });

  test('an agent that talks and does not get in step is stale, and not lost', () => {
    const record = admit(stream());
    record.heard(at(39_000));
    hosts.sweep(at(40_000));
    expect(record.host).toMatchObject({ state: 'stale', awaySinceMs: at(40_000).unixMs });
    record.heard(at(290_000));
    hosts.sweep(at(330_000));
    expect(record.host.state).toBe('stale');
  });

  test('leases run on the monotonic clock: a step of the wall clock changes nothing', () => {
    const { host } = admit(stream());
    hosts.sweep({ unixMs: at(0).unixMs + 86_400_000, monotonicMs: 1000 });
    expect(host.state).toBe('live');
  });

  test('stale at once when the stream breaks; the end of an older stream means nothing', () => {
    const first = stream(helloOf({ session: 1 }));
    const second = stream(helloOf({ session: 2 }));
    const record = admit(first);
    admit(second, 1000);
    expect(first.supersededBy).toEqual(['a newer agent took over host id h1: web-1 (boot b0070000)']);
    hosts.release(record, first, at(2000));
    expect(record.host.state).toBe('live');
    hosts.release(record, second, at(3000));
    expect(record.host).toMatchObject({ state: 'stale', awaySinceMs: at(3000).unixMs });
  });

  test('the same stream number twice is a duplicate too', () => {
    admit(stream());
    expect(() => admit(stream())).toThrow('host id h1 is connected already by web-1 (boot b0070000)');
    expect(hosts.refused).toBe(1);
  });

  test('a lower epoch may speak when nobody else does: a clock was set back', () => {
    const first = stream(helloOf({ epoch: 9 }));
    hosts.release(admit(first), first, at(1000));
    expect(admit(stream(helloOf({ epoch: 3 })), 2000).host.state).toBe('live');
  });

  test('what is said about a duplicate is taken back when it is over', () => {
    const record = admit(stream(helloOf({ epoch: 9 })));
    const clone = helloOf({ epoch: 1, hostName: 'web-9' });
    hosts.admit(stream(clone), 0, at(1000));
    expect(record.host.cannotSee).toEqual([]);
    hosts.admit(stream(clone), 0, at(2000));
    expect(record.host.cannotSee).toHaveLength(1);
    hosts.sweep(at(2000 + 599_999));
    expect(record.host.cannotSee).toHaveLength(1);
    hosts.sweep(at(2000 + 600_000));
    expect(record.host.cannotSee).toEqual([]);
  });

  test('when all places are taken, a host that is lost makes room, a live one does not', () => {
    const first = stream(helloOf({ hostId: 'a' }));
    const record = admit(first);
    admit(stream(helloOf({ hostId: 'b' })));
    expect(() => admit(stream(helloOf({ hostId: 'c' })))).toThrow('this aggregator already has its 2 hosts');
    hosts.release(record, first, at(0));
    hosts.sweep(at(299_000));
    hosts.sweep(at(300_000));
    expect(admit(stream(helloOf({ hostId: 'c' })), 300_000).host.id).toBe('c');
    expect([...hosts.all()].map((host) => host.id)).toEqual(['b', 'c']);
  });

  test('losses of earlier runs of an agent count on', () => {
    const first = stream();
    const record = admit(first);
    const heartbeat = {
      unixMs: 0,
      monotonicMs: 0,
      roundTripMs: 0,
      openSockets: 0,
      lostEvents: 5,
      malformedRows: 0,
      scanMs: 0,
      collector: '',
      intervalMs: 0,
      cannotSee: [],
    };
    record.heartbeat(heartbeat, 0);
    record.heartbeat({ ...heartbeat, lostEvents: 7 }, 0);
    admit(stream(helloOf({ epoch: 2 })), 1000);
    record.heartbeat({ ...heartbeat, lostEvents: 1 }, 0);
    expect(record.host.lostEvents).toBe(8);
  });
});

describe('a host that was silent', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** An agent in step, and the means to let time pass for the leases alone. */
  function inStep() {
    let leaseMs = 0;
    const link = new TestLink(() => Date.now());
    const { context, hosts, ledger } = link.aggregator;
    Object.assign(context, { now: () => ({ unixMs: Date.now(), monotonicMs: leaseMs }) });
    const agent = createTestAgent(link.connect, () => Date.now());
    agent.slots.apply(opened(1));
    agent.stream.start();
    const settle = (): void => {
      for (let n = 0; n < 5; n++) {
        agent.stream.flush();
        link.deliverToServer();
        link.deliverToAgent();
      }
    };
    settle();
    expect(ledger.openPorts).toEqual([1025]);
    const silence = (ms: number): void => {
      leaseMs += ms;
      hosts.sweep({ unixMs: Date.now(), monotonicMs: leaseMs });
    };
    return { agent, ledger, settle, silence, link };
  }

  test('is live again with its first word, its sockets untouched', () => {
    const { agent, ledger, settle, silence } = inStep();
    silence(50_000);
    agent.slots.apply(opened(2));
    settle();
    expect(ledger.hostStates).toEqual(['web-1 live', 'web-1 stale', 'web-1 live']);
    expect(ledger.story).toEqual(['opened 1025', 'opened 1026']);
  });

  test('tells all again when it had been given up', () => {
    const { agent, ledger, settle, silence } = inStep();
    silence(50_000);
    silence(300_000);
    expect(ledger.openPorts).toEqual([]);
    agent.slots.apply(opened(2));
    settle();
    expect(ledger.hostStates).toEqual(['web-1 live', 'web-1 stale', 'web-1 lost', 'web-1 live']);
    expect(ledger.openPorts).toEqual([1025, 1026]);
    expect(agent.stream.state.kind).toBe('streaming');
  });
});
