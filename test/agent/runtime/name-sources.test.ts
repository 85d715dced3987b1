/** What the files and sockets of container runtimes tell, and what they may not do to the agent. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { noPlacement, type Placement } from '../../../agent/resolve/placement.ts';
import type { ContainerNames } from '../../../agent/runtime/container-labels.ts';
import { homeOf, MachineNameSources, nodeNameOf } from '../../../agent/runtime/name-sources.ts';
import { runtimeFileBytesMax } from '../../../agent/runtime/runtime-file.ts';
import { patienceMs } from '../../support/until.ts';
import { RuntimeTree } from './runtime-tree.ts';

const id = '3f'.repeat(32);
const other = '4e'.repeat(32);
const dockerFile = `/var/lib/docker/containers/${id}/config.v2.json`;
const unnamed: ContainerNames = {
  runtime: null,
  containerName: null,
  podName: null,
  podNamespace: null,
  workload: null,
};
const pod = { podName: 'checkout-7d9f8b6c5d-x2x4q', podNamespace: 'prod', workload: 'checkout' };
const criAnnotations = {
  'io.kubernetes.cri.container-name': 'app',
  'io.kubernetes.cri.sandbox-name': pod.podName,
  'io.kubernetes.cri.sandbox-namespace': pod.podNamespace,
};

const made: { tree: RuntimeTree; servers: Server[] } = { tree: new RuntimeTree(), servers: [] };

afterEach(async () => {
  for (const server of made.servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  made.tree.remove();
  made.tree = new RuntimeTree();
});

function place(shape: Partial<Placement>): Placement {
  return { ...noPlacement, container: id, ...shape };
}

function sources(timeoutMs = patienceMs): MachineNameSources {
  return new MachineNameSources({ root: made.tree.root, nodeName: 'node-7', timeoutMs });
}

async function serveDocker(answer: RequestListener): Promise<void> {
  const server = createServer(answer);
  made.servers.push(server);
  server.listen(`${made.tree.folder('run')}/docker.sock`);
  await once(server, 'listening');
}

describe('names stand in', () => {
  it("docker's description of a container", () => {
    made.tree.write(dockerFile, { ID: id, Name: '/nervous_hopper', Config: { Labels: {} } });
    const names = { ...unnamed, runtime: 'docker', containerName: 'nervous_hopper' };
    expect(sources().read(place({ runtime: 'docker' }))).toEqual(names);
    expect(sources().read(place({ runtime: null }))).toEqual(names);
    expect(sources().read(place({ runtime: 'podman' }))).toBeNull();
    expect(sources().read(place({ container: other, runtime: 'docker' }))).toBeNull();
  });

  it('the labels of Compose', () => {
    const Labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
    made.tree.write(dockerFile, { Name: '/shop-web-2', Config: { Labels } });
    expect(sources().read(place({ runtime: 'docker' }))).toMatchObject({
      containerName: 'shop-web-2',
      workload: 'shop-web',
    });
  });

  it('the labels of Swarm', () => {
    const Labels = { 'com.docker.swarm.service.name': 'web' };
    made.tree.write(dockerFile, { Name: '/web.1.kq3', Config: { Labels } });
    expect(sources().read(place({ runtime: 'docker' }))).toMatchObject({ workload: 'web' });
  });

  it('the labels of a kubelet, where docker runs its pods', () => {
    const Labels = {
      'io.kubernetes.container.name': 'app',
      'io.kubernetes.pod.name': pod.podName,
      'io.kubernetes.pod.namespace': pod.podNamespace,
    };
    made.tree.write(dockerFile, { Name: '/k8s_app_checkout-7d9f8b6c5d-x2x4q_prod_1_0', Config: { Labels } });
    const names = { runtime: 'docker', containerName: 'app', ...pod };
    expect(sources().read(place({ runtime: 'docker', pod: 'uid' }))).toEqual(names);
  });

  it.each([
    ['containerd', '/run/containerd'],
    ['containerd of K3s', '/run/k3s/containerd'],
  ])('the bundle of %s', (_, state) => {
    made.tree.write(`${state}/io.containerd.runtime.v2.task/k8s.io/${id}/config.json`, {
      ociVersion: '1.1.0',
      annotations: criAnnotations,
    });
    const names = { runtime: 'containerd', containerName: 'app', ...pod };
    expect(sources().read(place({ runtime: 'containerd', pod: 'uid' }))).toEqual(names);
    expect(sources().read(place({ runtime: null, pod: 'uid' }))).toEqual(names);
  });

  it('the bundle of nerdctl', () => {
    made.tree.write(`/run/containerd/io.containerd.runtime.v2.task/default/${id}/config.json`, {
      annotations: { 'nerdctl/name': 'web', 'nerdctl/namespace': 'default' },
    });
    const names = { ...unnamed, runtime: 'containerd', containerName: 'web' };
    expect(sources().read(place({ runtime: 'containerd' }))).toEqual(names);
  });

  it('the bundle of CRI-O', () => {
    made.tree.write(`/run/containers/storage/overlay-containers/${id}/userdata/config.json`, {
      annotations: {
        'io.kubernetes.container.name': 'kube-apiserver',
        'io.kubernetes.pod.name': 'kube-apiserver-node-7',
        'io.kubernetes.pod.namespace': 'kube-system',
      },
    });
    expect(sources().read(place({ runtime: 'cri-o', pod: 'uid' }))).toEqual({
      runtime: 'cri-o',
      containerName: 'kube-apiserver',
      podName: 'kube-apiserver-node-7',
      podNamespace: 'kube-system',
      workload: 'kube-apiserver',
    });
  });

  it.each(['containers.json', 'volatile-containers.json'])("podman's %s", (file) => {
    made.tree.write(`/var/lib/containers/storage/overlay-containers/${file}`, [
      { id: other, names: ['other'] },
      { id, names: ['web'], metadata: '{}' },
    ]);
    const names = { ...unnamed, runtime: 'podman', containerName: 'web' };
    expect(sources().read(place({ runtime: 'podman' }))).toEqual(names);
  });

  it("the kubelet's links to logs, also of containers that start later", () => {
    const source = sources();
    made.tree.link(`/var/log/containers/coredns-x2x4q_kube-system_coredns-${other}.log`, '/nowhere');
    made.tree.link('/var/log/containers/other.log', '/nowhere');
    expect(source.read(place({ runtime: 'cri-o', pod: 'uid' }))).toBeNull();
    made.tree.link(`/var/log/containers/${pod.podName}_prod_app-${id}.log`, '/nowhere');
    const names = { runtime: null, containerName: 'app', ...pod };
    expect(source.read(place({ runtime: 'cri-o', pod: 'uid' }))).toEqual(names);
    expect(source.read(place({ runtime: 'docker', pod: null }))).toBeNull();
  });

  it.each([
    ['docker', `.local/share/docker/containers/${id}/config.v2.json`, { Name: '/web' }],
    [
      'podman',
      '.local/share/containers/storage/overlay-containers/containers.json',
      [{ id, names: ['web'] }],
    ],
  ])('the home of a user who runs %s', async (runtime, path, content) => {
    made.tree.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000:Ann:/export/ann:/bin/sh\n');
    made.tree.write(`/export/ann/${path}`, content);
    const inHome = place({ runtime: null, manager: 1000 });
    expect(sources().read(inHome)).toBeNull();
    expect(await sources().readAside(inHome)).toEqual({ ...unnamed, runtime, containerName: 'web' });
    expect(await sources().readAside({ ...inHome, manager: 1001 })).toBeNull();
    expect(await sources().readAside({ ...inHome, container: other })).toBeNull();
  });

  it("docker's answer, where its files are elsewhere", async () => {
    const asked: string[] = [];
    await serveDocker((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const Labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
      response.end(
        JSON.stringify([{ Id: id, Names: ['/proxy/web', '/shop-web-1'], Labels }, { Id: 7 }, null]),
      );
    });
    const source = sources();
    expect(await source.readAside(place({ runtime: 'docker' }))).toEqual({
      ...unnamed,
      runtime: 'docker',
      containerName: 'shop-web-1',
      workload: 'shop-web',
    });
    expect(await source.readAside(place({ container: other, runtime: 'docker' }))).toBeNull();
    expect(asked).toEqual(['GET /containers/json']);
  });
});

describe('nothing is told by', () => {
  const docker = place({ runtime: 'docker' });

  it.each([
    ['no JSON', '{'],
    ['another form', '[]'],
    ['a number as the name', { Name: 7 }],
    ['nothing at all', ''],
  ])('%s', (_, content) => {
    made.tree.write(dockerFile, content);
    expect(sources().read(docker)).toBeNull();
  });

  it('a file without end', () => {
    made.tree.write(dockerFile, `{"Name":"/${'x'.repeat(runtimeFileBytesMax)}"}`);
    expect(sources().read(docker)).toBeNull();
  });

  it('a link to elsewhere', () => {
    made.tree.link(dockerFile, made.tree.write('/etc/secret.json', { Name: '/secret' }));
    expect(sources().read(docker)).toBeNull();
  });

  it('a folder', () => {
    made.tree.folder(dockerFile);
    expect(sources().read(docker)).toBeNull();
  });

  it('a pipe, and it is not waited for', async () => {
    made.tree.write('/etc/passwd', 'ann:x:1000:1000:Ann:/export/ann:/bin/sh\n');
    const storage = made.tree.folder('/export/ann/.local/share/containers/storage/overlay-containers');
    execFileSync('mkfifo', [`${storage}/containers.json`]);
    expect(await sources().readAside(place({ manager: 1000 }))).toBeNull();
  });

  it('labels that the prototype of every object has', () => {
    made.tree.write(dockerFile, '{"Name":"/web","Config":{"Labels":{"__proto__":{"nerdctl/name":"x"}}}}');
    expect(sources().read(docker)).toMatchObject({ containerName: 'web' });
  });

  it.each<[string, RequestListener]>([
    ['another status', (_, response) => response.writeHead(500).end('[]')],
    ['no JSON', (_, response) => response.end('<html>')],
    ['a connection that ends', (request) => request.socket.destroy()],
    ['an answer without end', (_, response) => response.end(Buffer.alloc(runtimeFileBytesMax + 1, ' '))],
    ['silence', () => {}],
  ])('a socket with %s', async (_, answer) => {
    await serveDocker(answer);
    expect(await sources(200).readAside(docker)).toBeNull();
  });

  it('a socket that is not there', async () => expect(await sources().readAside(docker)).toBeNull());
});

it('the machine is called as its own files say, and else as the agent is', () => {
  made.tree.write('/etc/hostname', 'Node-7\n');
  expect(nodeNameOf(made.tree.root)).toBe('node-7');
  expect(nodeNameOf('')).toBe(hostname().toLowerCase());
});

it('the home of a user is in the sixth field', () => {
  const passwd = '# 1000:x\nann:x:1000:1000:Ann:/export/ann:/bin/sh\nbob:x:10:10::relative:/bin/sh\n';
  expect(homeOf(passwd, 1000)).toBe('/export/ann');
  expect(homeOf(passwd, 100)).toBeNull();
  expect(homeOf(passwd, 10)).toBeNull();
});
