/** Container, unit and pod from cgroup paths, one row per runtime and driver. */
import { expect, it } from 'vitest';
import { parseCgroup } from '../../../agent/procfs/pid-cgroup.ts';
import { resolveWorkload } from '../../../agent/resolve/workload.ts';

const id = '3f'.repeat(32);
const pod = 'a1b2c3d4-0000-4aaa-8bbb-0123456789ab';
const podInSlice = pod.replaceAll('-', '_');
const nothing = { container: null, unit: null, pod: null };

const cases: readonly (readonly [string, string, Partial<typeof nothing> | Record<string, string>])[] = [
  ['no cgroup at all', '', {}],
  ['the root', '0::/', {}],
  ['a service', '0::/system.slice/nginx.service', { unit: 'nginx.service' }],
  [
    'an instance',
    '0::/system.slice/system-postgresql.slice/postgresql@15-main.service',
    { unit: 'postgresql@15-main.service' },
  ],
  ['a login session', '0::/user.slice/user-1000.slice/session-2.scope', {}],
  ["a user's manager", '0::/user.slice/user-1000.slice/user@1000.service/init.scope', {}],
  [
    "a user's service",
    '0::/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service',
    { unit: 'sync.service' },
  ],
  ['docker, systemd driver', `0::/system.slice/docker-${id}.scope`, { container: id }],
  ['docker, cgroupfs driver', `0::/docker/${id}`, { container: id }],
  ['docker on v1', `4:memory:/docker/${id}\n1:name=systemd:/docker/${id}`, { container: id }],
  ['docker on the hybrid', `4:memory:/docker/${id}\n1:name=systemd:/docker/${id}\n0::/`, { container: id }],
  [
    'systemd in a container',
    `0::/docker/${id}/system.slice/cron.service`,
    { container: id, unit: 'cron.service' },
  ],
  ['from another cgroup namespace', `0::/../docker-${id}.scope`, { container: id }],
  ['docker in docker', `0::/docker/${'11'.repeat(32)}/docker/${id}`, { container: id }],
  ['containerd', `0::/default/${id}`, { container: id }],
  ['podman', `0::/machine.slice/libpod-${id}.scope/container`, { container: id }],
  [
    'podman in a service',
    `0::/system.slice/shop.service/libpod-payload-${id}`,
    { container: id, unit: 'shop.service' },
  ],
  ["podman's minder", `0::/machine.slice/libpod-conmon-${id}.scope`, {}],
  ['CRI-O', `0::/kubepods.slice/kubepods-pod${podInSlice}.slice/crio-${id}.scope`, { container: id, pod }],
  [
    'kubernetes, systemd driver',
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${podInSlice}.slice/cri-containerd-${id}.scope`,
    { container: id, pod },
  ],
  ['kubernetes, cgroupfs driver', `0::/kubepods/besteffort/pod${pod}/${id}`, { container: id, pod }],
  [
    'kubernetes, mismatched drivers',
    `0::/system.slice/containerd.service/kubepods-besteffort-pod${podInSlice}.slice:cri-containerd:${id}`,
    { container: id, pod, unit: 'containerd.service' },
  ],
  [
    'a static pod',
    `0::/kubepods/burstable/pod${'0a'.repeat(16)}/${id}`,
    { container: id, pod: '0a'.repeat(16) },
  ],
  [
    'ECS',
    `0::/ecs/${'1b'.repeat(16)}/${'1b'.repeat(16)}-1234567890`,
    { container: `${'1b'.repeat(16)}-1234567890` },
  ],
  ['LXC', '0::/lxc.payload.web1/system.slice/ssh.service', { container: 'web1', unit: 'ssh.service' }],
  ['LXC on v1', '1:name=systemd:/lxc/web1', { container: 'web1' }],
  ["LXC's minder", '0::/lxc.monitor.web1', {}],
];

it.each(cases)('%s', (_, text, found) => {
  expect(resolveWorkload(parseCgroup(text))).toEqual({ ...nothing, ...found });
});
