/** Files and answers of container runtimes, and of the kubelet. */
import type { ContainerNames } from '../../agent/runtime/container-labels.ts';
import { findInStorage } from '../../agent/runtime/container-storage.ts';
import { parseDockerConfig } from '../../agent/runtime/docker-config.ts';
import { parseDockerContainers } from '../../agent/runtime/docker-socket.ts';
import { parseLogLinks } from '../../agent/runtime/kubelet-logs.ts';
import { parsePods } from '../../agent/runtime/kubelet-pods.ts';
import { parseBundle } from '../../agent/runtime/oci-bundle.ts';
import { expectThat, type Target } from '../target.ts';

const id = 'ab'.repeat(32);
const nodeName = 'node-1';

const seeds: readonly unknown[] = [
  {
    Name: '/web',
    Config: { Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' } },
  },
  [{ Id: id, Names: ['/web', '/other/web'], Labels: { 'com.docker.swarm.service.name': 'web' } }],
  {
    items: [
      {
        metadata: {
          name: 'web-5d8f-x7k2p',
          namespace: 'shop',
          labels: { 'pod-template-hash': '5d8f' },
          ownerReferences: [{ kind: 'ReplicaSet', name: 'web-5d8f', controller: true }],
        },
        status: { containerStatuses: [{ name: 'nginx', containerID: `containerd://${id}` }] },
      },
    ],
  },
  {
    annotations: {
      'io.kubernetes.pod.name': 'web-0',
      'io.kubernetes.cri.container-name': 'nginx',
      'nerdctl/name': 'x',
    },
  },
  [{ id, names: ['podman-web'] }],
];

const containers: Target = {
  name: 'container-names',
  seeds: () => [
    ...seeds.map((seed) => Buffer.from(JSON.stringify(seed))),
    Buffer.from(`web-0_shop_nginx-${id}.log\nother`),
  ],
  tokens: [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    'null',
    '1e999',
    '{"Id":"',
    '"Names":',
    '"Labels":{',
    '"__proto__":',
    '"items":[',
    '-',
    '_',
    id,
    '"\\ud800"',
    '[[[[[[[[',
  ],
  run(input) {
    const names = [
      parseDockerConfig(input, nodeName),
      parseBundle(input, 'containerd', nodeName),
      findInStorage(input, id),
      ...parseDockerContainers(input, nodeName).values(),
      ...(parsePods(input, nodeName)?.values() ?? []),
      ...parseLogLinks(input.toString().split('\n'), nodeName).values(),
    ];
    for (const each of names) if (each !== null) expectTexts(each);
    return names;
  },
};

function expectTexts({ runtime, ...texts }: ContainerNames): void {
  for (const [name, text] of Object.entries({ runtime, ...texts })) {
    expectThat(text === null || (typeof text === 'string' && text !== ''), `${name} is a text or null`, text);
  }
}

export const runtimeTargets: readonly Target[] = [containers];
