/** A process in a container's cgroup, from the kernel to the name of its service, by every rung. */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { rungs } from '../../../agent/collect/rungs.ts';
import type { Collector } from '../../../agent/collector.ts';
import { MachineNameSources } from '../../../agent/runtime/name-sources.ts';
import { serviceName } from '../../../model/service-name.ts';
import { mountOfUnified } from '../bpf/live-kernel.ts';
import { RuntimeTree } from '../runtime/runtime-tree.ts';
import { children, closeAll, workingRungs } from './machine.ts';

const [id, other, unknown] = ['3f', '4e', '5d'].map((digits) => digits.repeat(32)) as [
  string,
  string,
  string,
];
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

/** Makes cgroups, each in the one before, below one of the test's own. */
function makeCgroups(...path: string[]): string {
  const mount = mountOfUnified();
  if (mount === null) throw new Error('no cgroup2 is mounted: this machine is to have it');
  let folder = mount;
  for (const name of [`whotalks-containers-${process.pid}`, ...path]) {
    folder = `${folder}/${name}`;
    if (made.folders.includes(folder)) continue;
    mkdirSync(folder);
    made.folders.push(folder);
  }
  return folder;
}

/** The port of a child that listens in a cgroup of that path. */
async function listenIn(...path: string[]): Promise<number> {
  const child = children.start(listener);
  const port = Number(await child.line());
  writeFileSync(`${makeCgroups(...path)}/cgroup.procs`, String(child.pid));
  return port;
}

describe.each(workingRungs)('by %s', (rung) => {
  it('containers go by workload, by name, and by program where nobody knows their names', async () => {
    const tree = new RuntimeTree();
    made.tree = tree;
    tree.link(`/var/log/containers/checkout-7d9f8b6c5d-x2x4q_prod_app-${id}.log`, '/nowhere');
    tree.write(`/var/lib/docker/containers/${other}/config.v2.json`, { Name: '/shop' });
    const ports = await Promise.all([
      listenIn(podSlice, `cri-containerd-${id}.scope`),
      listenIn(`docker-${other}.scope`),
      listenIn(`docker-${unknown}.scope`),
    ]);
    const nameSources = new MachineNameSources({ root: tree.root, nodeName: null });
    made.collector = await rungs.find(({ name }) => name === rung)!.open({ nameSources });
    const { sockets } = await made.collector.scan();
    const [inPod, named, unnamed] = ports.map(
      (port) =>
        sockets.find(({ local, state }) => local.port === port && state === 'listen')!.owners[0]!.process,
    );
    expect(inPod).toMatchObject({
      container: id,
      runtime: 'containerd',
      containerName: 'app',
      pod,
      podName: 'checkout-7d9f8b6c5d-x2x4q',
      podNamespace: 'prod',
      workload: 'checkout',
      unit: null,
    });
    expect(named).toMatchObject({ container: other, runtime: 'docker', containerName: 'shop' });
    expect(unnamed).toMatchObject({ container: unknown, runtime: 'docker', containerName: null });
    const services = [inPod, named, unnamed].map((one) => serviceName(one!, new Map()));
    expect(services).toEqual(['checkout', 'shop', 'node']);
  });
});
