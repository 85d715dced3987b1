/** Listeners by numbers, and which rows of the core a new one may decide. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Addresses } from '../../../aggregator/core/addresses.ts';
import {
  directionRules,
  factsWord,
  holderWord,
  rowShift,
  ruleShift,
} from '../../../aggregator/core/connection-row.ts';
import { PlainHosts } from '../../../aggregator/correlate/plain-hosts.ts';
import { PlainListeners } from '../../../aggregator/correlate/plain-listeners.ts';
import { PlainTuple } from '../../../aggregator/correlate/plain-tuples.ts';
import type { ReportedSocket, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { Names } from '../../../aggregator/graph/names.ts';
import { hostNetns, processNamed, ReportedFleet } from '../../support/reported-fleet.ts';

const [port, clientPort] = [80, 40_000];

describe('listeners of the core', () => {
  let [fleet, addresses] = [new ReportedFleet(), new Addresses(7, 16)];
  let [web, api] = [fleet.host('web'), fleet.host('api')];
  let hosts = new PlainHosts(16, new Names(), (process) => process.comm);
  let listeners = new PlainListeners(16, 7, hosts, new PlainTuple(addresses));
  let words = new Int32Array();

  beforeEach(() => {
    fleet = new ReportedFleet();
    addresses = new Addresses(7, 16);
    web = fleet.host('web');
    api = fleet.host('api');
    hosts = new PlainHosts(16, new Names(), (process) => process.comm);
    listeners = new PlainListeners(16, 7, hosts, new PlainTuple(addresses));
    words = new Int32Array(4 << rowShift);
    for (const row of [1, 2]) {
      const first = row << rowShift;
      words[first + 2] = ((clientPort + row) << 16) | port;
      words[first + holderWord] = holderOf(web) + 1;
      words[first + holderWord + 1] = holderOf(api) + 1;
    }
  });

  function holderOf(host: ReportingHost): number {
    return hosts.retain(hosts.netnsOf({ host, netns: hostNetns }), processNamed('app'));
  }

  function decide(row: number, rule: keyof typeof directionRules): void {
    words[(row << rowShift) + factsWord] = directionRules[rule] << ruleShift;
    listeners.file(row, words);
  }

  const listener = (host: ReportingHost, local: string): ReportedSocket =>
    fleet.build(host, local, local.startsWith('[') ? '[::]:0' : '0.0.0.0:0', { state: 'listen' });

  const isHeard = (host: ReportingHost, ip: number, isV6 = false): boolean =>
    listeners.listening.has(hosts.netnsOf({ host, netns: hostNetns }).scope, port << 1, ip, isV6);

  test('are heard of in their own namespace, until they are gone', () => {
    const socket = listener(api, '0.0.0.0:80');
    listeners.add(socket);
    listeners.add(socket);
    expect([isHeard(api, 5), isHeard(api, 5, true), isHeard(web, 5)]).toEqual([true, false, false]);
    listeners.remove(socket);
    expect([isHeard(api, 5), listeners.size]).toEqual([false, 0]);
    listeners.remove(socket);
    expect(listeners.size).toBe(0);
  });

  test('bound to one address are heard of there alone, and give an IPv6 address back', () => {
    const four = listener(api, '10.0.0.2:80');
    const six = listener(api, '[fd00::2]:80');
    for (const socket of [four, six]) listeners.add(socket);
    expect(addresses.size).toBe(1);
    expect([isHeard(api, 0x0a000002), isHeard(api, 0x0a000003)]).toEqual([true, false]);
    expect(isHeard(api, addresses.find(0xfd000000 | 0, 0, 0, 2), true)).toBe(true);
    for (const socket of [four, six]) listeners.remove(socket);
    expect([addresses.size, listeners.size, isHeard(api, 0x0a000002)]).toEqual([0, 0, false]);
  });

  test('on `::` take both families', () => {
    listeners.add(listener(api, '[::]:80'));
    expect([isHeard(api, 5), isHeard(api, 5, true)]).toEqual([true, true]);
  });

  test('of UDP decide nothing here', () => {
    const socket = fleet.build(api, '0.0.0.0:80', '0.0.0.0:0', { state: 'listen', protocol: 'udp' });
    decide(1, 'port');
    expect(listeners.add(socket)).toEqual([]);
    expect(isHeard(api, 5)).toBe(false);
  });

  test('may decide the rows with an end on their port that no listener has decided', () => {
    for (const row of [1, 2]) decide(row, 'port');
    expect(listeners.add(listener(api, '0.0.0.0:80'))).toEqual([1, 2]);
    expect(listeners.add(listener(web, `0.0.0.0:${clientPort + 2}`))).toEqual([2]);
    expect(listeners.add(listener(web, '0.0.0.0:80'))).toEqual([]);
    decide(2, 'listener');
    expect(listeners.add(listener(api, '10.0.0.2:80'))).toEqual([1]);
  });

  test('know nothing of a row that is gone', () => {
    for (const row of [1, 2]) decide(row, 'handshake');
    listeners.unfile(1, words, 1 << rowShift);
    expect(listeners.add(listener(api, '0.0.0.0:80'))).toEqual([2]);
    // Of a copy of it, as what leaves the core has.
    listeners.unfile(2, words.slice(2 << rowShift), 0);
    expect(listeners.add(listener(api, '10.0.0.2:80'))).toEqual([]);
    expect(listeners.size).toBe(2);
  });
});
