/** Counts of sockets, as the kernel prints them. */
import { describe, expect, it } from 'vitest';
import {
  OrphanCount,
  parseOrphans,
  parseTcpSockets,
  readTcpSockets,
} from '../../../agent/procfs/net-sockstat.ts';

const recorded = `sockets: used 20293
TCP: inuse 20101 orphan 17 tw 4 alloc 20163 mem 2
UDP: inuse 2 mem 0
FRAG: inuse 0 memory 0
`;

describe('sockstat', () => {
  it.each([
    [recorded, 17, 20163],
    [recorded.replace('orphan 17 ', ''), null, 20163],
    [recorded.replace('alloc', 'other'), 17, null],
    ['UDP: orphan 3 alloc 4\n', null, null],
    ['', null, null],
  ])('%#', (text, orphans, sockets) => {
    expect(parseOrphans(text)).toBe(orphans);
    expect(parseTcpSockets(text)).toBe(sockets);
  });

  it('of this machine', () => {
    const orphans = new OrphanCount('/proc/self');
    for (let i = 0; i < 2; i++) expect(orphans.read()).toBeGreaterThanOrEqual(0);
    orphans.close();
    orphans.close();
    expect(new OrphanCount('/nowhere').read()).toBeNull();
    expect(readTcpSockets('/proc/self')).toBeGreaterThanOrEqual(0);
    expect(readTcpSockets('/nowhere')).toBeNull();
  });
});
