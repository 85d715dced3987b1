/**
 * Agents without an aggregator, while thousands of connections of a few milliseconds come and go, and one of them is killed:
 * when an aggregator comes at last, it is told of each of them once, with both its processes, or they lie in the gap of the kill.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionDocument, GapDocument, HostsDocument } from '../../model/document.ts';
import { whyNoEbpf } from '../agent/bpf/live-kernel.ts';
import { Fleet } from '../support/fleet/fleet.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import type { Daemon } from '../support/fleet/whotalks.ts';
import { dialShort, type LoadSide, serveShort } from '../support/short-connections.ts';
import { until } from '../support/until.ts';

const aggregatorIp = '10.1.0.1';
const serverIp = '10.1.2.1';
const count = 1_000;

/** As kernel and agent tell the end of one connection to two clocks. */
const slackMs = 500;

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null || !canMakeNamespaces)('an aggregator that comes late', () => {
  let fleet: Fleet;
  let gaps: readonly GapDocument[] = [];

  beforeAll(async () => {
    const hosts = { h1: ['10.1.1.1/16'], h2: [`${serverIp}/16`], aggregator: [`${aggregatorIp}/16`] };
    fleet = await Fleet.open(hosts);
    fleet.whotalks.serveFrom(aggregatorIp);
  });
  afterAll(() => fleet.close());

  async function startAgent(name: string): Promise<Daemon> {
    const daemon = await fleet.whotalks.startAgent(fleet.host(name), '--events', 'ebpf');
    await until(`${name} looks`, () => daemon.log().includes('cannot reach') || daemon.log());
    return daemon;
  }

  /** Bytes that wait in the spool of each host. */
  function spooledBytes(): Promise<number[]> {
    const sizes = ['h1', 'h2'].map(async (name) => {
      const { namespace, folder } = fleet.host(name);
      const script = `cat ${folder}/whotalks/agent/id-${name}/*.segment 2>/dev/null | wc -c`;
      return Number(await namespace.run(['sh', '-c', script]));
    });
    return Promise.all(sizes);
  }

  /** Waits until nothing more goes to the spools: there, all that closes is within four seconds. */
  async function untilSpooled(): Promise<void> {
    let before: readonly number[] = [];
    let sinceMs = performance.now();
    await until('all that closed is in the spools', async () => {
      const now = await spooledBytes();
      if (now.includes(0) || now.join() !== before.join()) sinceMs = performance.now();
      before = now;
      return performance.now() - sinceMs > 4_500 || `${now.join()} bytes are`;
    });
  }

  /** Whether a connection that was over then may be one that h1 did not see. */
  function isInGap({ closedAt }: ConnectionDocument): boolean {
    const atMs = Date.parse(closedAt ?? '');
    return gaps.some(
      ({ from, to }) => Date.parse(from) - slackMs <= atMs && atMs <= Date.parse(to) + slackMs,
    );
  }

  const isWhole = ({ seen, client }: ConnectionDocument): boolean => seen === 'both' && client.pid !== null;

  async function load(
    lifetimeMs: number,
  ): Promise<{ readonly serving: LoadSide; readonly dialing: LoadSide }> {
    const serving = await serveShort(fleet.host('h2').namespace, serverIp);
    const what = { host: serverIp, port: serving.port, count, atOnce: 5, lifetimeMs };
    return { serving, dialing: await dialShort(fleet.host('h1').namespace, what) };
  }

  test('is told of each connection once, or of a gap', async () => {
    const [agent] = await Promise.all([startAgent('h1'), startAgent('h2')]);
    // The second one goes on for longer than anything waits for the spool.
    const [whole, broken] = [await load(3), await load(30)];
    await whole.dialing.run();
    await untilSpooled();
    const [before] = await spooledBytes();
    const done = broken.dialing.run();
    await until('more is in the spools', async () => (await spooledBytes())[0]! > before!);
    await agent.stop('KILL');
    await startAgent('h1');
    await done;
    await fleet.whotalks.startAggregator(fleet.host('aggregator'), aggregatorIp);
    let told: readonly ConnectionDocument[] = [];
    await until('all are told, or in a gap', async () => {
      told = (await fleet.whotalks.connections(fleet.host('aggregator'))).connections;
      const { hosts } = await fleet.whotalks.ask<HostsDocument>(fleet.host('aggregator'), 'hosts');
      gaps = hosts.find(({ host }) => host === 'h1')?.gaps ?? [];
      const ofLoad = told.filter(({ server: { port } }) =>
        [whole, broken].some((each) => each.serving.port === port),
      );
      told = ofLoad;
      const isAll = ofLoad.length >= 2 * count && ofLoad.every((each) => isWhole(each) || isInGap(each));
      return isAll || `${ofLoad.length} are, ${ofLoad.filter(isWhole).length} of them whole`;
    });
    expect(told.length).toBe(2 * count);
    expect(gaps.map(({ reason }) => reason)).toContain('the agent was not running');
    for (const { serving, dialing } of [whole, broken]) {
      const ofSide = told.filter(({ server }) => server.port === serving.port);
      expect(ofSide.length).toBe(count);
      for (const { client, server, closedAt } of ofSide) {
        expect(closedAt).not.toBeNull();
        expect([server.host, server.pid, server.process]).toEqual(['h2', serving.pid, 'serve']);
        if (client.pid !== null)
          expect([client.host, client.pid, client.process]).toEqual(['h1', dialing.pid, 'dial']);
      }
    }
    // What the killed run had told its disk, the next one tells.
    const ofWhole = told.filter(({ server }) => server.port === whole.serving.port);
    expect(ofWhole.filter(isWhole).length).toBe(count);
    await until('the spools are empty', async () => {
      const sizes = await spooledBytes();
      return sizes.every((size) => size === 0) || sizes.join();
    });
  }, 240_000);
});
