/** Conntrack of a real namespace in which the kernel translates: look-ups, dumps and events over the kernel's own netlink. */
import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dumpTranslated } from '../../../agent/netlink/conntrack-dump.ts';
import type { ConntrackEntry } from '../../../agent/netlink/conntrack-entry.ts';
import { ConntrackEvents } from '../../../agent/netlink/conntrack-events.ts';
import type { ConntrackQuestion } from '../../../agent/netlink/conntrack-question.ts';
import { ConntrackExchange, ConntrackSocket, questionsMax } from '../../../agent/netlink/conntrack-socket.ts';
import { loadDatagramCalls } from '../../../agent/netlink/datagram-calls.ts';
import { NetnsEntry } from '../../../agent/netlink/netns-entry.ts';
import { parseNetnsLink } from '../../../agent/procfs/pid-netns.ts';
import { parseEndpoint } from '../../../model/endpoint.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';
import { type HeldSocket, Peer } from '../../support/fleet/peer.ts';
import { until } from '../../support/until.ts';
import { tupleOf } from './conntrack-messages.ts';

/** Port 80 of each address leads to port 8080; what goes to 10.9.0.5 is tracked in a zone of its own. */
const rules = `
table inet nat {
  chain output {
    type nat hook output priority -100;
    ip daddr 10.9.0.1 tcp dport 80 dnat ip to 10.9.0.1:8080
    ip6 daddr fd09::1 tcp dport 80 dnat ip6 to [fd09::1]:8080
    ip daddr 10.9.0.5 tcp dport 80 dnat ip to 10.9.0.5:8080
  }
  chain zoned {
    type filter hook output priority raw;
    ip daddr 10.9.0.5 ct zone set 5
  }
}
`;

describe.runIf(canMakeNamespaces)('conntrack of the kernel', () => {
  let inside: Namespace;
  let exchange: ConntrackExchange;
  let entry: NetnsEntry;
  let asked: ConntrackSocket;
  let client: Peer;

  beforeAll(async () => {
    inside = await Namespace.open('host', 'nat');
    await inside.ip([
      'addr add 10.9.0.1/32 dev lo',
      'addr add 10.9.0.5/32 dev lo',
      'addr add fd09::1/128 dev lo nodad',
    ]);
    await inside.run(['nft', '-f', '-'], rules);
    const server = await Peer.start('nat', inside, 'server');
    await server.listen('::', 8080);
    client = await Peer.start('nat', inside, 'client');
    exchange = new ConntrackExchange(await loadDatagramCalls());
    entry = NetnsEntry.open(exchange.calls);
    asked = within(() => ConntrackSocket.open(exchange));
  });

  afterAll(async () => {
    asked?.close();
    entry?.close();
    await inside?.close();
  });

  function within<T>(open: () => T): T {
    const path = `/proc/${inside.pid}/ns/net`;
    return entry.within(path, parseNetnsLink(readlinkSync(path))!, open)!;
  }

  const question = (local: string, remote: string, protocol: 'tcp' | 'udp' = 'tcp'): ConntrackQuestion => ({
    protocol,
    tuple: { local: parseEndpoint(local)!, remote: parseEndpoint(remote)! },
  });

  async function dial(ip: string, port: number): Promise<HeldSocket> {
    return client.connect({ host: ip, port });
  }

  test('finds the entry of a socket by what the socket sends, at either end', async () => {
    const { port } = (await dial('10.9.0.1', 80)).local;
    const [dialing, accepted, inverse, other] = asked.ask([
      question(`10.9.0.1:${port}`, '10.9.0.1:80'),
      question('10.9.0.1:8080', `10.9.0.1:${port}`),
      question('10.9.0.1:80', `10.9.0.1:${port}`),
      question(`10.9.0.1:${port}`, '10.9.0.1:80', 'udp'),
    ]);
    expect(dialing).toEqual({
      protocol: 'tcp',
      original: tupleOf(`10.9.0.1:${port} -> 10.9.0.1:80`),
      reply: tupleOf(`10.9.0.1:8080 -> 10.9.0.1:${port}`),
      isTranslated: true,
      passedNat: true,
      zone: 0,
      id: (dialing as ConntrackEntry).id,
      phase: 'open',
      // Of nf_conntrack_tcp_timeout_established, in seconds.
      expiresInS: (dialing as ConntrackEntry).expiresInS,
    });
    expect((dialing as ConntrackEntry).expiresInS).toBeGreaterThan(400_000);
    // A second may have passed between the two answers.
    expect({ ...(accepted as object), expiresInS: 0 }).toEqual({ ...(dialing as object), expiresInS: 0 });
    expect([inverse, other]).toEqual(['none', 'none']);
  });

  test('finds IPv6 as well, and what is not translated', async () => {
    const { port } = (await dial('fd09::1', 80)).local;
    const plain = (await dial('10.9.0.1', 8080)).local;
    const [translated, untranslated] = asked.ask([
      question('[fd09::1]:8080', `[fd09::1]:${port}`),
      question(`10.9.0.1:${plain.port}`, '10.9.0.1:8080'),
    ]);
    expect(translated).toMatchObject({
      isTranslated: true,
      original: tupleOf(`[fd09::1]:${port} -> [fd09::1]:80`),
    });
    expect(untranslated).toMatchObject({ isTranslated: false, passedNat: true });
  });

  test('answers as many questions at once as are asked, each at its place', async () => {
    const { port } = (await dial('10.9.0.1', 80)).local;
    const questions = Array.from({ length: questionsMax }, (_, i) =>
      question(`10.9.0.1:${i % 3 === 0 ? port : 1}`, '10.9.0.1:80'),
    );
    for (let round = 0; round < 20; round++) {
      const kinds = asked.ask(questions).map((answer) => (answer === 'none' ? 'none' : typeof answer));
      expect(kinds).toEqual(questions.map((_, i) => (i % 3 === 0 ? 'object' : 'none')));
    }
  });

  test('counts its entries', async () => {
    const before = asked.count();
    await dial('10.9.0.1', 80);
    expect(asked.count()).toBeGreaterThan(before);
  });

  test('dumps what is translated, and nothing else', async () => {
    const translated = (await dial('10.9.0.1', 80)).local.port;
    const plain = (await dial('10.9.0.1', 8080)).local.port;
    const dumped = await within(() => dumpTranslated(exchange));
    expect(dumped.every(({ isTranslated }) => isTranslated)).toBe(true);
    // One port may be the near end of several connections that lead elsewhere.
    const originals = dumped.map(({ original }) => original);
    const from = (port: number, to: number) => tupleOf(`10.9.0.1:${port} -> 10.9.0.1:${to}`);
    expect(originals).toContainEqual(from(translated, 80));
    expect(originals).not.toContainEqual(from(plain, 8080));
    const texts = originals.map((original) => JSON.stringify(original));
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('does not find what is in a zone, which a dump shows', async () => {
    const { local } = await client.connect({ host: '10.9.0.5', port: 80, localAddress: '10.9.0.5' });
    expect(asked.ask([question(`10.9.0.5:${local.port}`, '10.9.0.5:80')])).toEqual(['none']);
    const dumped = await within(() => dumpTranslated(exchange));
    const zoned = dumped.filter(({ original }) => original.source.ip === '10.9.0.5');
    expect(zoned).toMatchObject([{ zone: 5, isTranslated: true }]);
  });

  test('tells of new conversations that are translated, and of no other', async () => {
    const events = within(() => ConntrackEvents.open(exchange));
    try {
      const plain = (await dial('10.9.0.1', 8080)).local.port;
      const translated = (await dial('10.9.0.1', 80)).local.port;
      const heard: ConntrackEntry[] = [];
      await until('the event is there', () => {
        const { entries, isLossy } = events.take();
        expect(isLossy).toBe(false);
        heard.push(...entries);
        return heard.length > 0;
      });
      expect(heard).toMatchObject([
        {
          isTranslated: true,
          original: tupleOf(`10.9.0.1:${translated} -> 10.9.0.1:80`),
          reply: tupleOf(`10.9.0.1:8080 -> 10.9.0.1:${translated}`),
        },
      ]);
      const ofPlain = tupleOf(`10.9.0.1:${plain} -> 10.9.0.1:8080`);
      expect(heard.map(({ original }) => original)).not.toContainEqual(ofPlain);
    } finally {
      events.close();
    }
  });
});
