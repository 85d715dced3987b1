/** A host that claims what is another's: addresses, ends, and what others report. It changes nothing but its own. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ReportingHost } from '../../../aggregator/correlate/report.ts';
import type { ConnectionView } from '../../../aggregator/serve/fleet-view.ts';
import type { InterfaceAddress } from '../../../model/netns.ts';
import { hostNetns, netnsOf, ReportedFleet } from '../../support/reported-fleet.ts';

let fleet: ReportedFleet;
let web: ReportingHost;
let db: ReportingHost;
let liar: ReportingHost;

beforeEach(() => {
  fleet = new ReportedFleet();
  web = fleet.host('web', { addresses: ['10.0.0.1'] });
  db = fleet.host('db', { addresses: ['10.0.0.2'] });
  liar = fleet.host('liar', { addresses: ['10.0.0.66'] });
});

function claim(
  host: ReportingHost,
  addresses: readonly string[],
  localNetworks: readonly string[] = [],
): void {
  host.netns.set(hostNetns, netnsOf(hostNetns, { addresses, localNetworks }));
  fleet.view.reports.hostChanged(host, fleet.nowMs);
}

function claimOn(host: ReportingHost, address: InterfaceAddress): void {
  host.netns.set(hostNetns, { ...netnsOf(hostNetns, {}), addresses: [address] });
  fleet.view.reports.hostChanged(host, fleet.nowMs);
}

/** Who is at both ends, by hosts that show a socket there. */
function ends({ client, server }: ConnectionView): string {
  return [client, server].map((end) => end.socket?.host.name ?? 'nobody').join(' > ');
}

function shown(): string[] {
  fleet.pass(5_000);
  return fleet.connections().map(ends).sort();
}

const [webToDb, dbToWeb] = [
  ['10.0.0.1:40000', '10.0.0.2:5432'],
  ['10.0.0.2:5432', '10.0.0.1:40000'],
] as const;

describe('sockets at an address that another host claims', () => {
  it.each(['before', 'after'])('are nobody else’s peer, told %s the true end', (when) => {
    if (when === 'before') fleet.open(liar, ...dbToWeb);
    fleet.open(web, ...webToDb);
    fleet.open(db, ...dbToWeb);
    if (when === 'after') fleet.open(liar, ...dbToWeb);
    expect(shown()).toEqual(['nobody > liar', 'web > db']);
    expect(fleet.view.matchCounts().fleet.open.both).toBe(1);
  });

  it('are no phantom where the host does not show the end itself', () => {
    fleet.open(web, ...webToDb);
    fleet.open(liar, ...dbToWeb);
    expect(shown()).toEqual(['nobody > liar', 'web > nobody']);
  });

  it('leave what they were joined with when the host appears that claims it', () => {
    const [ghost, owner] = ['10.0.0.9:80', '10.0.0.9'];
    fleet.open(web, '10.0.0.1:40000', ghost);
    fleet.open(liar, ghost, '10.0.0.1:40000');
    expect(shown()).toEqual(['web > liar']);
    fleet.host('late', { addresses: [owner] });
    expect(shown()).toEqual(['nobody > liar', 'web > nobody']);
    fleet.view.reports.hostLost(fleet.hosts.get('late')!, [], fleet.nowMs);
    expect(shown()).toEqual(['web > liar']);
  });

  it('stand alone as soon as their host lets go of the address that it claimed', () => {
    claim(liar, ['10.0.0.66', '10.0.0.2']);
    fleet.open(web, ...webToDb);
    fleet.open(liar, ...dbToWeb);
    fleet.open(db, ...dbToWeb);
    expect(shown().sort()).toEqual(['nobody > db', 'nobody > liar', 'web > nobody']);
    claim(liar, ['10.0.0.66']);
    expect(shown()).toEqual(['nobody > liar', 'web > db']);
  });
});

describe('a disputed address', () => {
  it('names no unseen end, is told of both hosts, and is over when one lets go', () => {
    fleet.open(web, ...webToDb);
    claim(liar, ['10.0.0.66', '10.0.0.2']);
    fleet.pass(5_000);
    expect(fleet.only()).toMatchObject({ server: { host: null }, unseenBecause: 'ambiguous' });
    expect(fleet.view.correlator.claims.disputes.size).toBe(1);
    expect([web, db, liar].map((host) => fleet.view.disputesOf(host))).toEqual([
      [],
      ['whose 10.0.0.2 is: liar claims it too (disputed)'],
      ['whose 10.0.0.2 is: db claims it too (disputed)'],
    ]);
    claim(liar, ['10.0.0.66']);
    fleet.pass(1);
    expect(fleet.only()).toMatchObject({ server: { host: db } });
    expect(fleet.view.disputesOf(db)).toEqual([]);
    expect(fleet.view.correlator.claims.disputes.size).toBe(0);
  });

  it('ends with the host', () => {
    claim(liar, ['10.0.0.2']);
    fleet.view.reports.hostLost(liar, [], fleet.nowMs);
    expect(fleet.view.disputesOf(db)).toEqual([]);
  });

  it('is none in another realm, on a link, on many hosts by right, or in the bridges of each host', () => {
    fleet.host('other', { realm: 'east', addresses: ['10.0.0.2'] });
    const bridge = ['172.17.0.0/16'];
    const local = ['169.254.1.1', 'fe80::1', '172.17.0.1'];
    claim(web, ['10.0.0.1', ...local], bridge);
    claim(db, ['10.0.0.2', ...local], bridge);
    for (const device of ['lo', 'kube-ipvs0', 'dummy1']) {
      claimOn(liar, { ip: '10.9.9.9', prefixLength: 32, device });
      claimOn(fleet.host(`of ${device}`), { ip: '10.9.9.9', prefixLength: 32, device });
    }
    expect([...fleet.view.correlator.claims.disputes.entries()]).toEqual([]);
  });

  it('is one where another host says that its bridge has the address of a host', () => {
    claim(liar, ['10.0.0.2'], ['10.0.0.0/24']);
    expect(fleet.view.disputesOf(liar)).toHaveLength(1);
  });

  it('is told of a few by name, and of all others as a number', () => {
    const many = Array.from({ length: 20 }, (_, n) => `10.7.0.${n}`);
    claim(db, many);
    claim(liar, many);
    expect(fleet.view.disputesOf(db).slice(7)).toEqual([
      'whose 10.7.0.7 is: liar claims it too (disputed)',
      'whose 12 more of its addresses are (disputed)',
    ]);
  });
});
