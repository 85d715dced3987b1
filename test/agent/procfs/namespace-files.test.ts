/** The files that tell the addresses of a namespace. */
import { describe, expect, it } from 'vitest';
import { parseFibTrie } from '../../../agent/procfs/net-fib-trie.ts';
import { parseIfInet6 } from '../../../agent/procfs/net-if-inet6.ts';
import { parseConnectedRoutes } from '../../../agent/procfs/net-route.ts';
import { formatPrefix } from '../../../model/ip.ts';

const fibTrie = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.2
           /24 link UNICAST
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
  +-- 192.0.2.0/24 2 0 2
     |-- 192.0.2.2
        /32 host LOCAL
`;

describe('fib_trie', () => {
  it('has the local addresses, each once', () =>
    expect(parseFibTrie(fibTrie)).toEqual(['127.0.0.1', '192.0.2.2']));
  it('of an empty namespace has none', () => expect(parseFibTrie('')).toEqual([]));
});

describe('route', () => {
  const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
  const text = `${head}eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`;
  it('has the connected networks', () => {
    const routes = parseConnectedRoutes(text);
    expect(routes.map((route) => [route.device, formatPrefix(route.destination)])).toEqual([
      ['eth0', '192.0.2.0/24'],
    ]);
  });
  it('of a namespace without routes has none', () => expect(parseConnectedRoutes(head)).toEqual([]));
});

describe('if_inet6', () => {
  it('has addresses with prefix length and device', () => {
    const text =
      'fd000000000000000000000000000002 02 40 00 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\nx\n';
    expect(parseIfInet6(text)).toEqual([
      { ip: 'fd00::2', prefixLength: 64, device: 'eth0' },
      { ip: '::1', prefixLength: 128, device: 'lo' },
    ]);
  });

  it('has IPv4-mapped addresses as IPv4 ones, and no prefix that is longer than its address', () => {
    const text = ['60', '40', '81']
      .map((bits, i) => `00000000000000000000ffff0a00000${i} 02 ${bits} 00 80 eth0\n`)
      .join('');
    expect(parseIfInet6(text)).toEqual([
      { ip: '10.0.0.0', prefixLength: 0, device: 'eth0' },
      { ip: '10.0.0.1', prefixLength: 32, device: 'eth0' },
    ]);
  });
});
