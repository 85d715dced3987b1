/** What a kubelet tells of its pods, and to whom the token is shown. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { noPlacement, type Placement } from '../../../agent/resolve/placement.ts';
import type { KubeletAccess } from '../../../agent/runtime/kubelet-api.ts';
import { parsePods } from '../../../agent/runtime/kubelet-pods.ts';
import { MachineNameSources } from '../../../agent/runtime/name-sources.ts';
import { patienceMs } from '../../support/until.ts';
import { RuntimeTree } from './runtime-tree.ts';

const id = '3f'.repeat(32);
const sidecar = '4e'.repeat(32);

const checkout = {
  metadata: {
    name: 'checkout-7d9f8b6c5d-x2x4q',
    namespace: 'prod',
    labels: { 'pod-template-hash': '7d9f8b6c5d' },
    ownerReferences: [{ kind: 'ReplicaSet', name: 'checkout-7d9f8b6c5d', controller: true }],
  },
  status: {
    containerStatuses: [{ name: 'app', containerID: `containerd://${id}` }, { name: 'waiting' }],
    initContainerStatuses: [{ name: 'proxy', containerID: `containerd://${sidecar}` }],
  },
};
const pod = { podName: 'checkout-7d9f8b6c5d-x2x4q', podNamespace: 'prod', workload: 'checkout' };
const app = { runtime: 'containerd', containerName: 'app', ...pod };

function parse(...items: unknown[]) {
  return parsePods(Buffer.from(JSON.stringify({ kind: 'PodList', items })), 'node-7');
}

describe('a list of pods', () => {
  it('names each container, and the workload that the pod is one of', () => {
    expect(parse(checkout)).toEqual(
      new Map([
        [sidecar, { ...app, containerName: 'proxy' }],
        [id, app],
      ]),
    );
  });

  it.each([
    [
      'a Deployment whose name ends like a hash',
      'api-5d4f9',
      'ReplicaSet',
      'api-5d4f9-7d9f8b6c5d',
      'api-5d4f9',
    ],
    ['a DaemonSet', 'fluentd', 'DaemonSet', 'fluentd', 'fluentd'],
    ['a job of its own name', 'import-2024', 'Job', 'import-2024', 'import-2024'],
    ['the machine', 'etcd-node-7', 'Node', 'node-7', 'etcd'],
  ])('by its owner: %s', (_, name, kind, owner, workload) => {
    const ownerReferences = [
      { kind: 'Other', name: 'other' },
      { kind, name: owner, controller: true },
    ];
    const metadata = { ...checkout.metadata, name, ownerReferences };
    expect(parse({ ...checkout, metadata })?.get(id)?.workload).toBe(workload);
  });

  it('has other things passed over', () => {
    const pods = [
      null,
      7,
      {},
      { metadata: { name: 7 } },
      { metadata: { name: 'x' }, status: { containerStatuses: [7] } },
    ];
    expect(parse(...pods)).toEqual(new Map());
    expect(parsePods(Buffer.from('{"items":{}}'), null)).toBeNull();
    expect(parsePods(Buffer.from('<html>'), null)).toBeNull();
  });
});

const certificates = `${import.meta.dirname}/../../fixtures/certificates`;
const file = (name: string): string => `${certificates}/${name}`;

describe('asking a kubelet', () => {
  let tree = new RuntimeTree();
  const servers: Server[] = [];
  const shown: (string | undefined)[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    shown.length = 0;
    tree.remove();
    tree = new RuntimeTree();
  });

  /** @returns its address */
  async function serve(certificate: string | null, answer: RequestListener = tellPods): Promise<string> {
    const listener: RequestListener = (request, response) => {
      shown.push(request.headers.authorization);
      answer(request, response);
    };
    const tls =
      certificate === null
        ? null
        : { key: readFileSync(file('server.key')), cert: readFileSync(file(certificate)) };
    const server = tls === null ? createHttpServer(listener) : createHttpsServer(tls, listener);
    servers.push(server as Server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http${tls === null ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const tellPods: RequestListener = (request, response) => {
    const isPods = request.method === 'GET' && request.url === '/pods';
    response.writeHead(isPods ? 200 : 404).end(JSON.stringify({ items: [checkout] }));
  };

  function sources(access: Partial<KubeletAccess> & { url: string }): MachineNameSources {
    const kubelet = { tokenFile: tree.write('/token', 'secret\n'), caFile: file('authority.pem'), ...access };
    return new MachineNameSources({ root: tree.root, nodeName: 'node-7', kubelet, timeoutMs: patienceMs });
  }

  function place(shape: Partial<Placement> = {}): Placement {
    return { ...noPlacement, container: id, runtime: 'containerd', pod: 'uid', ...shape };
  }

  it('with the token, where the certificate is for its address', async () => {
    const source = sources({ url: await serve('loopback.pem') });
    expect(source.read(place())).toBeNull();
    expect(await source.readAside(place())).toEqual(app);
    expect(await source.readAside(place({ container: sidecar }))).toMatchObject({ containerName: 'proxy' });
    expect(shown).toEqual(['Bearer secret']);
    expect(source.problem).toBeNull();
  });

  it('and where it is the very certificate that is expected', async () => {
    const url = await serve('node-7.pem');
    const caFile = tree.write(
      '/ca.pem',
      readFileSync(file('node-7.pem'), 'utf8') + readFileSync(file('authority.pem'), 'utf8'),
    );
    expect(await sources({ url, caFile }).readAside(place())).toEqual(app);
  });

  it.each([
    ['for another name', 'node-7.pem', 'authority.pem', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['of nobody who is known', 'loopback.pem', null, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('a certificate %s is not shown the token', async (_, certificate, ca, code) => {
    const url = await serve(certificate);
    const source = sources({ url, caFile: ca === null ? null : file(ca) });
    expect(await source.readAside(place())).toBe('refused');
    expect(source.problem).toBe(
      `Names of pods are missing: the kubelet at ${url} could not be asked (${code}): look at the address, and at the ` +
        'CA file for its certificate.',
    );
    expect(shown).toEqual([]);
  });

  it('without the token on plain loopback', async () => {
    expect(await sources({ url: await serve(null) }).readAside(place())).toEqual(app);
    expect(shown).toEqual([undefined]);
  });

  it.each<[string, RequestListener, string]>([
    [
      'no',
      (_, response) => response.writeHead(403).end(),
      'refuses the token (403): its account needs "get" on nodes/proxy',
    ],
    [
      'who are you',
      (_, response) => response.writeHead(401).end(),
      'does not accept the token (401): give the one of a service account',
    ],
    [
      'something else',
      (_, response) => response.end('{}'),
      'answered with something else than a list of pods',
    ],
  ])('one that says %s leaves the names that stand in files', async (_, answer, said) => {
    const url = await serve('loopback.pem', answer);
    const source = sources({ url });
    expect(await source.readAside(place())).toBe('refused');
    expect(source.problem).toBe(`Names of pods are missing: the kubelet at ${url} ${said}.`);
    tree.link(`/var/log/containers/${pod.podName}_prod_app-${id}.log`, '/nowhere');
    expect(await source.readAside(place())).toEqual({ ...app, runtime: null });
  });

  it('nobody there, and no token: both are told', async () => {
    const url = await serve(null);
    for (const server of servers.splice(0)) server.close();
    const gone = sources({ url });
    await gone.readAside(place());
    expect(gone.problem).toBe(
      `Names of pods are missing: the kubelet at ${url} is not there (ECONNREFUSED): look at the address.`,
    );
    const mute = sources({ url: 'https://127.0.0.1:1', tokenFile: '/nowhere/token' });
    await mute.readAside(place());
    expect(mute.problem).toBe(
      'Names of pods are missing: the kubelet at https://127.0.0.1:1 is not asked, because the token file ' +
        '/nowhere/token cannot be read (ENOENT).',
    );
  });

  it('is not for what is no pod, nor for what a user calls one', async () => {
    const source = sources({ url: await serve('loopback.pem') });
    expect(await source.readAside(place({ pod: null }))).toBeNull();
    expect(await source.readAside(place({ manager: 1000 }))).toBeNull();
    expect(shown).toEqual([]);
  });
});
