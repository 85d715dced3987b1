/** Counts of sockets, as the kernel prints them. */
import { describe, expect, it } from 'vitest';
import { parseOrphans, readOrphans } from '../../../agent/procfs/net-sockstat.ts';

const recorded = `sockets: used 20293
TCP: inuse 20101 orphan 17 tw 4 alloc 20163 mem 2
UDP: inuse 2 mem 0
FRAG: inuse 0 memory 0
`;

describe('sockstat', () => {
  it.each([
    [recorded, 17],
    [recorded.replace('orphan 17 ', ''), null],
    ['UDP: orphan 3\n', null],
    ['', null],
  ])('%#', (text, orphans) => {
    expect(parseOrphans(text)).toBe(orphans);
  });

  it('of this machine', () => {
    expect(readOrphans('/proc/self')).toBeGreaterThanOrEqual(0);
    expect(readOrphans('/nowhere')).toBeNull();
  });
});
