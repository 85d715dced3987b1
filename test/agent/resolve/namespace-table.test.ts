/** What is known of namespaces, and that nothing of one is kept for longer than somebody is in it. */
import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type LoadLibc, loadLibc } from '../../../agent/libc.ts';
import { readNetnsInode } from '../../../agent/procfs/pid-netns.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { NamespaceTable } from '../../../agent/resolve/namespace-table.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';

it.runIf(canMakeNamespaces)(
  'a namespace whose last process goes while it is opened is let go of',
  async () => {
    const namespace = await Namespace.open('container', 'passing');
    const folder = mkdtempSync(join(tmpdir(), 'whotalks-'));
    const path = join(folder, 'process');
    symlinkSync(`/proc/${namespace.pid}`, path);
    const inode = readNetnsInode(path) as number;
    let opened = 0;
    // The process goes as soon as the agent has a socket in its namespace.
    const load: LoadLibc = async () => {
      const libc = await loadLibc();
      return {
        ...libc,
        socket: (...args) => {
          if (opened++ === 0) unlinkSync(path);
          return libc.socket(...args);
        },
      };
    };
    const table = new NamespaceTable('/proc', load);
    const watched = () => table.tables.find(({ name }) => name === 'watched_namespaces')?.size;
    try {
      const place = { inode, paths: [path], isHost: false };
      expect(await table.describe(place, 0, new TimeSlice())).toMatchObject({ inode, addresses: [] });
      expect(opened).toBe(1);
      expect(watched()).toBe(0);
      symlinkSync(`/proc/${namespace.pid}`, path);
      await table.describe(place, 0, new TimeSlice());
      expect(watched()).toBe(1);
      table.expire();
      table.expire();
      expect(watched()).toBe(0);
    } finally {
      table.close();
      rmSync(folder, { recursive: true });
      await namespace.close();
    }
  },
);
