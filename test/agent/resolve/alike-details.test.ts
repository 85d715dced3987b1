/** Details that are made once for processes which were started alike. */
import { describe, expect, it } from 'vitest';
import { AlikeDetails, descriptionsMax } from '../../../agent/resolve/alike-details.ts';
import { describeDetails, type RawDetails } from '../../../agent/resolve/process-details.ts';

const started: RawDetails = {
  exe: '/usr/bin/node',
  args: ['node', '/srv/api.js', '--password', 'geheim'],
  cgroups: [{ controllers: '', path: '/system.slice/api.service' }],
};

describe('details of processes that were started alike', () => {
  it('are one object, which tells what each would by itself', () => {
    const alike = new AlikeDetails('redacted');
    const first = alike.describe(started);
    expect(first).toEqual(describeDetails(started, 'redacted'));
    expect(first.cmdline).toBe('node /srv/api.js --password ***');
    expect(alike.describe({ ...started, args: [...started.args] })).toBe(first);
  });

  it.each<[string, Partial<RawDetails>]>([
    ['executable', { exe: null }],
    ['arguments', { args: ['node', '/srv/api.js --password geheim'] }],
    ['a hidden argument', { args: ['node', '/srv/api.js', '--password', 'other'] }],
    ['cgroups', { cgroups: [{ controllers: 'cpu', path: '/system.slice/api.service' }] }],
  ])('are others where they differ in %s', (_, change) => {
    const alike = new AlikeDetails('full');
    const first = alike.describe(started);
    const other = alike.describe({ ...started, ...change });
    expect(other).not.toBe(first);
    expect(other).toEqual(describeDetails({ ...started, ...change }, 'full'));
  });

  it('are forgotten when there are too many, and made again', () => {
    const alike = new AlikeDetails('redacted');
    const first = alike.describe(started);
    for (let i = 0; i < descriptionsMax; i++) alike.describe({ ...started, exe: `/bin/${i}` });
    const again = alike.describe(started);
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
    expect(alike.table).toEqual({ name: 'descriptions', size: 2, limit: 1024, refusedTotal: 1024 });
  });
});
