/** What is told of the processes that events name. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openCollector } from '../../../agent/collect/ladder.ts';
import type { ConnectionEvent, Holder } from '../../../agent/events/connection-event.ts';
import { HolderOwners } from '../../../agent/events/holder-owners.ts';
import { readPidStat } from '../../../agent/procfs/pid-stat.ts';
import { isUnread } from '../../../agent/procfs/proc-file.ts';
import type { Process } from '../../../model/process.ts';
import { until } from '../../support/until.ts';
import { whyNoEbpf } from '../bpf/live-kernel.ts';
import { Children } from '../collect/child-node.ts';

const options = { procRoot: '/proc', cmdline: 'redacted', kubelet: null } as const;

/** A /proc that shows no process, as hidepid makes it for other users. */
const hiding = { ...options, procRoot: '/nowhere' };

function eventOf(pid: number): ConnectionEvent {
  const stat = readPidStat(`/proc/${pid}`);
  if (isUnread(stat)) throw new Error(`process ${pid} is gone`);
  const holder: Holder = { pid, startTicks: stat.startTicks, comm: stat.comm, uid: 0 };
  return { holder } as ConnectionEvent;
}

it('of a process that /proc hides and no scan has shown, its name is known and no more', () => {
  const [owner] = new HolderOwners(hiding).of(eventOf(process.pid), 0);
  expect(owner).toMatchObject({ process: { pid: process.pid, exe: null, program: null }, fds: [] });
});

describe.skipIf((await whyNoEbpf()) !== null || !existsSync('/proc/self'))(
  'of a process that a scan by eBPF has shown',
  () => {
    it('everything is known that the scan knows, also where /proc hides it', async () => {
      const children = new Children();
      const collector = await openCollector('ebpf');
      try {
        const child = children.start(
          `require('node:net').createServer().listen(0, '127.0.0.1', () => console.log('up'));`,
        );
        await child.line();
        let shown: Process | undefined;
        await until('a scan shows it', async () => {
          const owners = (await collector.scan()).sockets.flatMap((socket) => socket.owners);
          shown = owners.find((each) => each.process.pid === child.pid)?.process;
          return shown !== undefined;
        });
        // One in which nothing changed knows it still.
        await collector.scan();
        const holders = new HolderOwners(hiding, (holder) => collector.detailsOf?.(holder) ?? null);
        const [owner] = holders.of(eventOf(child.pid), 0);
        expect(owner!.process).toMatchObject({
          exe: shown!.exe,
          cmdline: shown!.cmdline,
          program: shown!.program,
        });
        expect(shown!.exe).toBe(process.execPath);
      } finally {
        collector.close();
        await children.endAll();
      }
    });
  },
);
