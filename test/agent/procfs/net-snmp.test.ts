/** What TCP has counted, as the kernel prints it. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseMultipath, parseTcpTotals, TcpCounters } from '../../../agent/procfs/net-snmp.ts';

const recorded = `Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 1
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs
Tcp: 1 200 120000 -1 29167 26627 1861 843 12 788818 742541
Udp: InDatagrams NoPorts
Udp: 1 2
`;

describe('snmp', () => {
  it.each([
    [recorded, { opens: 55794, resets: 843, established: 12 }],
    [recorded.replace('EstabResets', 'Other'), null],
    [recorded.replace(' 843 ', ' many '), null],
    [recorded.slice(0, recorded.indexOf('Tcp: 1')), null],
    ['', null],
  ])('%#', (text, totals) => {
    expect(parseTcpTotals(text)).toEqual(totals);
  });

  it.each([
    ['MPTcpExt: MPCapableSYNRX MPCapableSYNTX MPCurrEstab\nMPTcpExt: 3 4 0\n', false],
    ['MPTcpExt: MPCapableSYNRX MPCapableSYNTX MPCurrEstab\nMPTcpExt: 0 1 1\n', true],
    ['MPTcpExt: MPCapableSYNRX MPCapableSYNTX\nMPTcpExt: 0 0\n', false],
    ['MPTcpExt: MPCapableSYNRX MPCapableSYNTX\nMPTcpExt: 3 0\n', true],
    ['MPTcpExt: MPCapableSYNRX\nMPTcpExt: 0\n', true],
    ['TcpExt: SyncookiesSent\nTcpExt: 0\n', false],
    ['', true],
  ])('connections of several paths: %#', (text, isMultipath) => {
    expect(parseMultipath(text)).toBe(isMultipath);
  });

  it('of this machine, as it is when it is read', async () => {
    const counters = TcpCounters.open();
    const before = counters.read()!;
    expect(before.established).toBeGreaterThanOrEqual(0);
    const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, '127.0.0.1').resume();
    await once(client, 'close');
    server.close();
    // One at each end.
    expect(counters.read()!.opens).toBeGreaterThanOrEqual(before.opens + 2);
    counters.close();
    counters.close();
    expect(counters.read()).toBeNull();
    expect(counters.hasMultipath()).toBe(true);
    expect(() => TcpCounters.open('/nowhere')).toThrow('ENOENT');
  });
});
