/** When processes are looked at, and what is done where a look does not help. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SeenDetails } from '../../../agent/bpf/detail-look.ts';
import type { FoundSockets } from '../../../agent/bpf/scan-maps.ts';
import { recordLayout, taskLayout } from '../../../agent/bpf/scan-memory.ts';
import { TaskDetails, type TaskDetailsOptions } from '../../../agent/collect/task-details.ts';
import { until } from '../../support/until.ts';
import { ProcTree } from './proc-tree.ts';

interface Task {
  readonly pid: number;
  readonly startTicks?: number;
  readonly comm?: string;
  readonly uid?: number;
  readonly cgroup?: number;
  /** Records; default 1. */
  readonly sockets?: number;
}

function found(...tasks: readonly Task[]): FoundSockets {
  const bytes = Buffer.alloc(tasks.length * taskLayout.bytes);
  let records = 0;
  for (const [
    i,
    { pid, startTicks = 10, comm = 'node', uid = 0, cgroup = 1, sockets = 1 },
  ] of tasks.entries()) {
    const at = (field: keyof typeof taskLayout.fields): number =>
      i * taskLayout.bytes + taskLayout.fields[field].offset;
    bytes.writeUInt32LE(pid, at('pid'));
    bytes.writeBigUInt64LE(BigInt(startTicks) * 10_000_000n, at('startNs'));
    bytes.writeBigUInt64LE(BigInt(cgroup), at('cgroup'));
    bytes.writeUInt32LE(uid, at('uid'));
    bytes.write(comm, at('comm'));
    bytes.writeUInt32LE(records, at('firstRecord'));
    bytes.writeUInt32LE(sockets, at('held'));
    records += sockets;
  }
  const missed = { missedRecords: 0, missedTasks: 0, acceptQueues: 0, passing: 0 };
  return { tasks: bytes, records: Buffer.alloc(records * recordLayout.bytes), ...missed } as FoundSockets;
}

/** A process as the look tells of it, unless told otherwise. */
function told(pid: number, part: Partial<SeenDetails> = {}): SeenDetails {
  return {
    pid,
    startTicks: 10,
    exe: '/usr/bin/node',
    args: Buffer.from('node\0/srv/checkout/server.js\0'),
    ...part,
  };
}

let tree: ProcTree;
/** Which pids were looked at, look by look; and how often cgroups were walked. */
let looks: number[][];
let walks: number;
let closed: string[];

beforeEach(() => {
  tree = new ProcTree();
  [looks, walks, closed] = [[], 0, []];
});
afterEach(() => tree.remove());

function details(tell: (pid: number) => SeenDetails | null, options: Partial<TaskDetailsOptions> = {}) {
  return new TaskDetails({
    look: {
      read: async (pids, hear) => {
        looks.push([...pids]);
        for (const pid of looks.at(-1)!) {
          const seen = tell(pid);
          if (seen !== null) hear(seen);
        }
      },
      close: () => closed.push('look'),
    },
    walk: {
      run: async () => {
        walks++;
        return new Map([
          [1n, '/'],
          [2n, '/system.slice/nginx.service'],
        ]);
      },
      missedTotal: 0,
      close: () => closed.push('walk'),
    },
    procRoot: tree.root,
    cmdline: 'redacted',
    ...options,
  });
}

describe('a process', () => {
  it('is looked at once it holds sockets, and told with its program', async () => {
    const all = details((pid) => told(pid));
    await all.refresh(found({ pid: 5 }, { pid: 6, sockets: 0 }, { pid: 7, cgroup: 2 }), 0);
    expect(looks).toEqual([[5, 7]]);
    expect(all.of({ pid: 7, startTicks: 10 })).toEqual({
      exe: '/usr/bin/node',
      cmdline: 'node /srv/checkout/server.js',
      program: 'checkout',
      placement: expect.objectContaining({ unit: 'nginx.service' }),
    });
    expect(all.of({ pid: 6, startTicks: 10 })).toBeNull();
  });

  it.each<[string, Partial<Task>]>([
    ['the pid of another one', { startTicks: 11 }],
    ['another name', { comm: 'nginx' }],
    ['another user', { uid: 33 }],
    ['another cgroup', { cgroup: 2 }],
  ])('that has %s is looked at again at once', async (_, change) => {
    const all = details((pid) => told(pid));
    await all.refresh(found({ pid: 5 }, { pid: 7 }), 0);
    await all.refresh(found({ pid: 5 }, { pid: 7, ...change }), 0.1);
    // The other one is as young, and comes along.
    expect(looks).toEqual([
      [5, 7],
      [5, 7],
    ]);
  });

  it('is searched for among the same tasks only every five seconds', async () => {
    const all = details((pid) => told(pid));
    const lookedAt: number[] = [];
    for (let nowMs = 0; nowMs <= 12_000; nowMs += 1_000)
      if (await all.refresh(found({ pid: 5 }), nowMs, nowMs > 0)) lookedAt.push(nowMs);
    expect(lookedAt).toEqual([0, 5_000, 10_000]);
    // It was known all the while.
    expect(all.of({ pid: 5, startTicks: 10 })?.program).toBe('checkout');
    expect(await all.refresh(found({ pid: 5, comm: 'nginx' }), 12_001)).toBe(true);
  });

  it('that shows no change is looked at again, ever more rarely', async () => {
    const all = details((pid) => told(pid));
    const lookedAt: number[] = [];
    for (let nowMs = 0; nowMs <= 90_000; nowMs += 1_000) {
      const before = looks.length;
      await all.refresh(found({ pid: 5 }), nowMs);
      if (looks.length > before) lookedAt.push(nowMs / 1_000);
    }
    expect(lookedAt).toEqual([0, 5, 10, 20, 40, 70]);
  });

  it('keeps its details for as long as a look tells the same, and no longer', async () => {
    let args = 'node\0/srv/checkout/server.js\0';
    const all = details((pid) => told(pid, { args: Buffer.from(args) }));
    await all.refresh(found({ pid: 5 }), 0);
    const before = all.of({ pid: 5, startTicks: 10 });
    await all.refresh(found({ pid: 5 }), 10_000);
    expect(looks).toHaveLength(2);
    expect(all.of({ pid: 5, startTicks: 10 })).toBe(before);
    args = 'node\0/srv/checkout/worker.js\0';
    await all.refresh(found({ pid: 5 }), 30_000);
    expect(all.of({ pid: 5, startTicks: 10 })!.cmdline).toBe('node /srv/checkout/worker.js');
  });

  it('that was replaced between scan and look is not told as the one before', async () => {
    const all = details((pid) => told(pid, { startTicks: 99 }));
    await all.refresh(found({ pid: 5 }), 0);
    expect(all.of({ pid: 5, startTicks: 10 })).toBeNull();
  });

  it('is forgotten with its sockets', async () => {
    const all = details((pid) => told(pid));
    await all.refresh(found({ pid: 5 }), 0);
    await all.refresh(found({ pid: 5, sockets: 0 }), 1);
    expect(all.of({ pid: 5, startTicks: 10 })).toBeNull();
  });

  it('is asked of /proc for what the look does not tell', async () => {
    tree.add({ pid: 5, comm: 'checkout' });
    const all = details((pid) => told(pid, { exe: null, args: Buffer.alloc(0) }));
    await all.refresh(found({ pid: 5 }), 0);
    expect(all.of({ pid: 5, startTicks: 10 })).toMatchObject({ exe: '/bin/checkout', cmdline: 'checkout' });
  });
});

describe('cgroups', () => {
  it('are walked once, until one is unknown', async () => {
    const all = details((pid) => told(pid));
    await all.refresh(found({ pid: 5 }), 0);
    await all.refresh(found({ pid: 5 }, { pid: 6, cgroup: 2 }), 1);
    expect(walks).toBe(1);
    await all.refresh(found({ pid: 5 }, { pid: 6, cgroup: 3 }), 2);
    expect(walks).toBe(2);
  });

  it('of version 1 are read from /proc, and missed where that is closed', async () => {
    tree.add({ pid: 5 });
    tree.writeCgroup('self', '4:memory:/docker/x\n0::/\n');
    tree.writeCgroup('5', `4:memory:/docker/${'3f'.repeat(32)}\n0::/\n`);
    const all = details((pid) => told(pid));
    await all.refresh(found({ pid: 5 }, { pid: 6, cgroup: 2 }), 0);
    expect(all.of({ pid: 5, startTicks: 10 })!.placement.container).toBe('3f'.repeat(32));
    expect(all.of({ pid: 6, startTicks: 10 })!.placement.unit).toBe('nginx.service');
    expect(all.blindness).toEqual({ isLooking: true, unplacedProcesses: 1 });
  });
});

describe('a look', () => {
  it('that fails leaves everything to /proc', async () => {
    const all = details(() => {
      throw new Error('EMFILE');
    });
    await all.refresh(found({ pid: 5 }), 0);
    expect(all.of({ pid: 5, startTicks: 10 })).toBeNull();
    expect(all.blindness.isLooking).toBe(true);
  });

  it('that hangs is not waited for, and nothing is freed before its end', async () => {
    let end: () => void = () => {};
    const look = {
      read: () => new Promise<void>((resolve) => (end = resolve)),
      close: () => closed.push('look'),
    };
    const all = details(() => null, { look, timeoutMs: 20 });
    await all.refresh(found({ pid: 5 }), 0);
    expect(all.blindness.isLooking).toBe(false);
    await all.refresh(found({ pid: 5 }, { pid: 6 }), 1);
    all.close();
    expect(closed).toEqual([]);
    end();
    await until('the look is freed', () => closed.length > 0);
    expect(closed).toEqual(['look', 'walk']);
  });

  it('that is not offered leaves everything to /proc', async () => {
    const all = details(() => null, { look: null, walk: null });
    await all.refresh(found({ pid: 5 }), 0);
    expect(all.of({ pid: 5, startTicks: 10 })).toBeNull();
    expect(all.blindness.isLooking).toBe(false);
    all.close();
    expect(closed).toEqual([]);
  });
});
