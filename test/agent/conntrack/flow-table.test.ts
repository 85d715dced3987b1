/** Which translated conversations a host only passes on, and until when. */
import { describe, expect, it } from 'vitest';
import { FlowTable, firstFlowId } from '../../../agent/conntrack/flow-table.ts';
import { entryOf } from '../netlink/conntrack-messages.ts';
import { hostNetns } from './sockets.ts';

/** NodePort: a stranger dials a port of this host, which leads to a pod elsewhere. */
const nodePort = entryOf('10.1.9.9:45000 -> 10.1.1.1:30443', '10.244.2.5:8443 -> 10.1.1.1:61000');
const own = new Set(['10.1.1.1', '172.17.0.2']);

describe('flows', () => {
  it('are told as they come in and as they go out', () => {
    const flows = new FlowTable(hostNetns);
    expect(flows.see(nodePort, own, 5)).toEqual([
      {
        kind: 'forwarded',
        id: firstFlowId,
        flow: {
          protocol: 'tcp',
          netns: hostNetns,
          dialed: { local: { ip: '10.1.9.9', port: 45000 }, remote: { ip: '10.1.1.1', port: 30443 } },
          forwarded: { local: { ip: '10.1.1.1', port: 61000 }, remote: { ip: '10.244.2.5', port: 8443 } },
        },
        openedAtMs: 5,
      },
    ]);
    expect(flows.see(nodePort, own, 6)).toEqual([]);
    expect(flows.table.size).toBe(1);
  });

  it.each([
    ['whose client is here', entryOf('172.17.0.2:1 -> 10.1.2.1:2', '10.1.2.1:2 -> 10.1.1.1:1')],
    ['whose server is here', entryOf('10.1.9.9:1 -> 10.1.1.1:2', '172.17.0.2:2 -> 10.1.9.9:1')],
    ['that are not translated', entryOf('10.1.9.9:1 -> 10.1.8.8:2', '10.1.8.8:2 -> 10.1.9.9:1')],
    ['in a zone', { ...nodePort, zone: 5 }],
    ['that are over', { ...nodePort, phase: 'over' as const }],
  ])('are not those %s', (_name, entry) => {
    const flows = new FlowTable(hostNetns);
    expect(flows.see(entry, own, 0)).toEqual([]);
    expect(flows.table.size).toBe(0);
  });

  it('end when another has their tuple', () => {
    const flows = new FlowTable(hostNetns);
    flows.see(nodePort, own, 0);
    expect(flows.see({ ...nodePort, id: 8 }, own, 9)).toMatchObject([
      { kind: 'forward-closed', id: firstFlowId, closedAtMs: 9 },
      { kind: 'forwarded', id: firstFlowId + 1 },
    ]);
  });

  it('are asked after in turn, and end when their entry is gone, over or of another', () => {
    const flows = new FlowTable(hostNetns);
    const entries = [1, 2, 3, 4, 5].map((n) =>
      entryOf(`10.1.9.9:${n} -> 10.1.1.1:30443`, `10.244.2.5:8443 -> 10.1.1.1:${n}`),
    );
    for (const entry of entries) flows.see(entry, own, 0);
    expect(flows.takeDue(9_999, 10)).toEqual([]);
    const first = flows.takeDue(10_000, 3);
    const rest = flows.takeDue(10_000, 10);
    expect([...first, ...rest].map(({ id }) => id - firstFlowId)).toEqual([0, 1, 2, 3, 4]);
    const answers = [
      entries[0]!,
      'none',
      'unanswered',
      { ...entries[3]!, phase: 'over' },
      { ...entries[4]!, id: 99 },
    ] as const;
    const ended = [...first, ...rest].flatMap((flow, i) => flows.checked(flow, answers[i]!, own, 10_001));
    expect(ended).toEqual(
      [1, 3, 4].map((n) => ({ kind: 'forward-closed', id: firstFlowId + n, closedAtMs: 10_001 })),
    );
    expect(flows.table.size).toBe(2);
  });

  it('of a container that was not known yet when they began end when they are asked after', () => {
    const flows = new FlowTable(hostNetns);
    const masqueraded = entryOf('172.17.0.9:1 -> 10.1.2.1:2', '10.1.2.1:2 -> 10.1.1.1:1');
    flows.see(masqueraded, own, 0);
    const [flow] = flows.takeDue(10_000, 1);
    expect(flows.checked(flow!, masqueraded, own, 10_000)).toEqual([]);
    expect(flows.checked(flow!, masqueraded, new Set([...own, '172.17.0.9']), 10_000)).toMatchObject([
      { kind: 'forward-closed', id: flow!.id },
    ]);
  });

  it('beyond the limit are refused and counted', () => {
    const flows = new FlowTable(hostNetns, 1);
    flows.see(nodePort, own, 0);
    expect(flows.see(entryOf('10.1.9.9:1 -> 10.1.1.1:3', '10.244.2.5:2 -> 10.1.1.1:1'), own, 0)).toEqual([]);
    expect(flows.table).toMatchObject({ size: 1, refusedTotal: 1 });
  });
});
