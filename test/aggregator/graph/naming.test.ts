/** The order in which names win, and operators' rules. */
import { describe, expect, it } from 'vitest';
import { Naming } from '../../../aggregator/graph/naming.ts';
import { parsePrefix } from '../../../model/ip.ts';
import { processNamed, ReportedFleet } from '../../support/reported-fleet.ts';

describe('service names', () => {
  it('prefer the rule, then the label, then the unit, then the program', () => {
    const fleet = new ReportedFleet();
    const plain = fleet.host('db-1');
    const labelled = fleet.host('db-2', { labels: { service: 'ledger' } });
    const rules = [{ service: 'search', match: { program: 'index_*', host: 'db-*' } }];
    const naming = new Naming(rules, []);
    const unit = { ...processNamed('nginx'), unit: 'web@1.service' };
    expect(naming.serviceOf(processNamed('index_search'), labelled)).toBe('search');
    expect(naming.serviceOf(processNamed('nginx'), labelled)).toBe('ledger');
    expect(naming.serviceOf(unit, plain)).toBe('web');
    expect(naming.serviceOf(processNamed('nginx'), plain)).toBe('nginx');
  });

  it('take a rule as text with stars, not as a pattern', () => {
    const host = new ReportedFleet().host('h');
    const naming = new Naming([{ service: 'dot', match: { program: 'a.c' } }], []);
    expect(naming.serviceOf(processNamed('a.c'), host)).toBe('dot');
    expect(naming.serviceOf(processNamed('abc'), host)).toBe('abc');
  });

  it('never match a field that is unknown', () => {
    const host = new ReportedFleet().host('h');
    const naming = new Naming([{ service: 'any-unit', match: { unit: '*' } }], []);
    expect(naming.serviceOf(processNamed('nginx'), host)).toBe('nginx');
  });
});

describe('names of addresses', () => {
  const names = [
    { prefix: parsePrefix('10.0.0.0/8')!, name: 'lan' },
    { prefix: parsePrefix('10.9.4.20/32')!, name: 'legacy-batch' },
  ];

  it('prefer the longest prefix', () => {
    const naming = new Naming([], names);
    expect(naming.addressName('10.9.4.20')).toBe('legacy-batch');
    expect(naming.addressName('10.9.4.21')).toBe('lan');
    expect(naming.addressName('192.0.2.1')).toBeNull();
  });

  it('name an end that no agent reports, in connections and edges', () => {
    const fleet = new ReportedFleet({ names });
    const host = fleet.host('idx', { addresses: ['10.1.100.9'] });
    fleet.listen(host, '0.0.0.0:8743', { program: 'index' });
    fleet.open(host, '10.1.100.9:8743', '10.9.4.20:40000', { program: 'index' });
    fleet.open(host, '10.1.100.9:8743', '192.0.2.7:40000', { program: 'index' });
    fleet.pass(4_000);
    expect(
      fleet
        .edges()
        .map((edge) => edge.client)
        .sort(),
    ).toEqual(['192.0.2.7', 'legacy-batch']);
    expect(fleet.connections()[0]?.client).toMatchObject({ service: 'legacy-batch', host: null });
  });
});
