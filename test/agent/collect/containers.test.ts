/** A process in a container's cgroup, from the kernel to the name of its service, by every rung. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { rungs } from '../../../agent/collect/rungs.ts';
import type { RungName } from '../../../agent/collect/source.ts';
import type { Collector } from '../../../agent/collector.ts';
import { MachineNameSources } from '../../../agent/runtime/name-sources.ts';
import type { Process } from '../../../model/process.ts';
import { serviceName } from '../../../model/service-name.ts';
import { mountOfUnified } from '../bpf/live-kernel.ts';
import { RuntimeTree } from '../runtime/runtime-tree.ts';
import { children, closeAll, workingRungs } from './machine.ts';

const id = '3f'.repeat(32);
const pod = 'a1b2c3d4-0000-4aaa-8bbb-0123456789ab';
const podSlice = `kubepods-besteffort-pod${pod.replaceAll('-', '_')}.slice`;

const listener = `
  const server = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

const made: { collector: Collector | null; folders: string[]; tree: RuntimeTree | null } = {
  collector: null,
  folders: [],
  tree: null,
};

afterEach(async () => {
  made.collector?.close();
  made.collector = null;
  await closeAll();
  for (const folder of made.folders.splice(0).toReversed()) rmdirSync(folder);
  made.tree?.remove();
  made.tree = null;
});

/** A child that listens in a cgroup of that path, and the port. */
async function listenIn(...path: string[]): Promise<number> {
  const mount = mountOfUnified();
  if (mount === null) throw new Error('no cgroup2 is mounted: this machine is to have it');
  let folder = mount;
  for (const name of [`whotalks-containers-${process.pid}`, ...path]) {
    folder = `${folder}/${name}`;
    mkdirSync(folder);
    made.folders.push(folder);
  }
  const child = children.start(listener);
  const port = Number(await child.line());
  writeFileSync(`${folder}/cgroup.procs`, String(child.pid));
  return port;
}

/** The one who listens there, as the first scan tells. */
async function holderOf(port: number, rung: RungName): Promise<Process> {
  const nameSources = new MachineNameSources({ root: made.tree!.root, nodeName: null });
  made.collector?.close();
  made.collector = await rungs.find(({ name }) => name === rung)!.open({ nameSources });
  const { sockets } = await made.collector.scan();
  return sockets.find(({ local, state }) => local.port === port && state === 'listen')!.owners[0]!.process;
}

describe.each(workingRungs)('by %s', (rung) => {
  it('a container of a pod goes by its workload', async () => {
    made.tree = new RuntimeTree();
    made.tree.link(`/var/log/containers/checkout-7d9f8b6c5d-x2x4q_prod_app-${id}.log`, '/nowhere');
    const port = await listenIn(podSlice, `cri-containerd-${id}.scope`);
    const process = await holderOf(port, rung);
    expect(process).toMatchObject({
      container: id,
      runtime: 'containerd',
      containerName: 'app',
      pod,
      podName: 'checkout-7d9f8b6c5d-x2x4q',
      podNamespace: 'prod',
      workload: 'checkout',
      unit: null,
    });
    expect(serviceName(process, new Map())).toBe('checkout');
  });

  it('a container of docker goes by its name, and one whose name nobody knows by its program', async () => {
    made.tree = new RuntimeTree();
    made.tree.write(`/var/lib/docker/containers/${id}/config.v2.json`, { Name: '/shop' });
    const port = await listenIn(`docker-${id}.scope`);
    expect(serviceName(await holderOf(port, rung), new Map())).toBe('shop');
    const other = await listenInOther();
    const unnamed = await holderOf(other, rung);
    expect(unnamed).toMatchObject({ runtime: 'docker', containerName: null });
    expect(serviceName(unnamed, new Map())).toBe('node');
  });
});

/** Beside the first one, in a container that no runtime describes. */
async function listenInOther(): Promise<number> {
  const [parent] = made.folders;
  const folder = `${parent}/docker-${'4e'.repeat(32)}.scope`;
  mkdirSync(folder);
  made.folders.push(folder);
  const child = children.start(listener);
  const port = Number(await child.line());
  writeFileSync(`${folder}/cgroup.procs`, String(child.pid));
  expect(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8')).toContain('4e4e');
  return port;
}
