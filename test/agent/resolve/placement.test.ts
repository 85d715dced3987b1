/** Container, runtime, unit and pod from cgroup paths, one row per runtime and driver. */
import { expect, it } from 'vitest';
import { parseCgroup } from '../../../agent/procfs/pid-cgroup.ts';
import { noPlacement, type Placement, resolvePlacement } from '../../../agent/resolve/placement.ts';

const id = '3f'.repeat(32);
const outer = '11'.repeat(32);
const container = id;
const pod = 'a1b2c3d4-0000-4aaa-8bbb-0123456789ab';
const podInSlice = pod.replaceAll('-', '_');
const docker = 'docker';
const containerd = 'containerd';
const podman = 'podman';
const lxc = 'lxc';
const nspawn = 'nspawn';
const slice = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${podInSlice}.slice`;
const user = '/user.slice/user-1000.slice/user@1000.service';

const cases: readonly (readonly [string, string, Partial<Placement>])[] = [
  ['no cgroup at all', '', {}],
  ['the root', '0::/', {}],
  ['a service', '0::/system.slice/nginx.service', { unit: 'nginx.service' }],
  [
    'an instance',
    '0::/system.slice/system-postgresql.slice/postgresql@15-main.service',
    { unit: 'postgresql@15-main.service' },
  ],
  ['an escaped name', '0::/system.slice/my\\x2dapp.service', { unit: 'my\\x2dapp.service' }],
  ['a service in a slice of its own', '0::/web.slice/web-shop.slice/shop.service', { unit: 'shop.service' }],
  ['a cgroup that a service made', '0::/system.slice/shop.service/worker', { unit: 'shop.service' }],
  ['a login session', '0::/user.slice/user-1000.slice/session-2.scope', {}],
  ["a user's manager", `0::${user}/init.scope`, {}],
  ["a user's service", `0::${user}/app.slice/sync.service`, { unit: 'sync.service' }],
  ["a user's scope", `0::${user}/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope`, {}],
  ['docker, systemd driver', `0::/system.slice/docker-${id}.scope`, { container, runtime: docker }],
  ['docker, cgroupfs driver', `0::/docker/${id}`, { container, runtime: docker }],
  ['docker on v1', `4:memory:/docker/${id}\n1:name=systemd:/docker/${id}`, { container, runtime: docker }],
  [
    'docker on the hybrid',
    `4:memory:/docker/${id}\n1:name=systemd:/docker/${id}\n0::/`,
    { container, runtime: docker },
  ],
  ['docker below another parent', `0::/actions_job/${id}`, { container }],
  [
    'rootless docker',
    `0::${user}/user.slice/docker-${id}.scope`,
    { container, runtime: docker, manager: 1000 },
  ],
  [
    'systemd in a container',
    `0::/docker/${id}/system.slice/cron.service`,
    { container, runtime: docker, unit: 'cron.service' },
  ],
  ['from another cgroup namespace', `0::/../docker-${id}.scope`, { container, runtime: docker }],
  ['from deep in another one', `0::/../../../docker/${id}/init`, { container, runtime: docker }],
  ['docker in docker', `0::/docker/${outer}/docker/${id}`, { container, runtime: docker, isNested: true }],
  [
    'the minder of a container that docker made',
    '0::/system.slice/docker.service',
    { unit: 'docker.service' },
  ],
  ['containerd', `0::/default/${id}`, { container, runtime: containerd }],
  ['nerdctl, systemd driver', `0::/system.slice/nerdctl-${id}.scope`, { container, runtime: containerd }],
  ['podman', `0::/machine.slice/libpod-${id}.scope/container`, { container, runtime: podman }],
  [
    'podman on v1, with systemd inside',
    `4:memory:/machine.slice/libpod-${id}.scope\n1:name=systemd:/machine.slice/libpod-${id}.scope/init.scope`,
    { container, runtime: podman },
  ],
  ['podman, cgroupfs driver', `0::/libpod_parent/libpod-${id}`, { container, runtime: podman }],
  [
    'rootless podman',
    `0::${user}/user.slice/libpod-${id}.scope/container`,
    { container, runtime: podman, manager: 1000 },
  ],
  [
    'podman in a service',
    `0::/system.slice/shop.service/libpod-payload-${id}`,
    { container, runtime: podman, unit: 'shop.service' },
  ],
  ["podman's minder", `0::/machine.slice/libpod-conmon-${id}.scope`, {}],
  ["rootless podman's minder", `0::${user}/user.slice/libpod-conmon-${id}.scope`, {}],
  ["podman's own process", `0::${user}/user.slice/podman-6696.scope`, {}],
  [
    'CRI-O, guaranteed',
    `0::/kubepods.slice/kubepods-pod${podInSlice}.slice/crio-${id}.scope`,
    { container, runtime: 'cri-o', pod },
  ],
  [
    'CRI-O with systemd inside',
    `0::${slice}/crio-${id}.scope/container`,
    { container, runtime: 'cri-o', pod },
  ],
  [
    'CRI-O, cgroupfs driver',
    `0::/kubepods/besteffort/pod${pod}/crio-${id}`,
    { container, runtime: 'cri-o', pod },
  ],
  ["CRI-O's minder", `0::${slice}/crio-conmon-${id}.scope`, { pod }],
  [
    'kubernetes, systemd driver',
    `0::${slice}/cri-containerd-${id}.scope`,
    { container, runtime: containerd, pod },
  ],
  ['kubernetes with docker', `0::${slice}/docker-${id}.scope`, { container, runtime: docker, pod }],
  ['kubernetes, cgroupfs driver', `0::/kubepods/besteffort/pod${pod}/${id}`, { container, pod }],
  ['kubernetes, guaranteed, cgroupfs driver', `0::/kubepods/pod${pod}/${id}`, { container, pod }],
  [
    'kubernetes, mismatched drivers',
    `0::/system.slice/containerd.service/kubepods-besteffort-pod${podInSlice}.slice:cri-containerd:${id}`,
    { container, runtime: containerd, pod },
  ],
  [
    'kubernetes in docker',
    `0::/docker/${outer}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/` +
      `kubelet-kubepods-besteffort-pod${podInSlice}.slice/cri-containerd-${id}.scope`,
    { container, runtime: containerd, pod, isNested: true },
  ],
  ['a static pod', `0::/kubepods/burstable/pod${'0a'.repeat(16)}/${id}`, { container, pod: '0a'.repeat(16) }],
  [
    'ECS',
    `0::/ecs/${'1b'.repeat(16)}/${'1b'.repeat(16)}-1234567890`,
    { container: `${'1b'.repeat(16)}-1234567890` },
  ],
  [
    'LXC',
    '0::/lxc.payload.web1/system.slice/ssh.service',
    { container: 'web1', runtime: lxc, unit: 'ssh.service' },
  ],
  ['LXC 3', '0::/lxc.payload/web1', { container: 'web1', runtime: lxc }],
  ['LXC on v1', '1:name=systemd:/lxc/web1/init.scope', { container: 'web1', runtime: lxc }],
  ['LXD, in a project', '0::/lxc.payload.shop_web1', { container: 'shop_web1', runtime: lxc }],
  [
    'docker in LXC',
    `0::/lxc.payload.web1/system.slice/docker-${id}.scope`,
    { container, runtime: docker, isNested: true },
  ],
  ["LXC's minder", '0::/lxc.monitor.web1', {}],
  [
    'systemd-nspawn',
    '0::/machine.slice/machine-web\\x2d1.scope/payload/system.slice/nginx.service',
    { container: 'web-1', runtime: nspawn, unit: 'nginx.service' },
  ],
  [
    'systemd-nspawn by its unit',
    '0::/machine.slice/systemd-nspawn@web1.service/payload/init.scope',
    { container: 'web1', runtime: nspawn, unit: 'systemd-nspawn@web1.service' },
  ],
  [
    "systemd-nspawn's own process",
    '0::/machine.slice/systemd-nspawn@web1.service/supervisor',
    { unit: 'systemd-nspawn@web1.service' },
  ],
  ['a virtual machine', '0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator', {}],
  // What a user, or whoever may make cgroups in a container, can call theirs.
  ['a pod that a user claims to be', `0::${user}/app.slice/pod${pod}/x`, {}],
  [
    "a user's cgroup named as a container of the machine",
    `0::${user}/docker-${id}.scope`,
    { container, runtime: docker, manager: 1000 },
  ],
  ['a container that claims to be another', `0::/docker/${outer}/${id}`, { container, isNested: true }],
  ['63 digits', `0::/docker/${id.slice(1)}`, {}],
  ['no hexadecimal', `0::/docker/${'g'.repeat(64)}`, {}],
  ['capital letters', `0::/docker/${'AB'.repeat(32)}`, {}],
  ['another suffix', `0::/system.slice/docker-${id}.slice`, {}],
  ['an id as the name of a service', `0::/system.slice/${id}.service`, { unit: `${id}.service` }],
  ['colons, spaces and escapes', '0::/a:b c/\u001b[31m\\x2d/x.service', { unit: 'x.service' }],
  ['a name without end', `0::/${'docker-'.repeat(500)}${id}.scope`, {}],
];

it.each(cases)('%s', (_, text, found) => {
  expect(resolvePlacement(parseCgroup(text))).toEqual({ ...noPlacement, ...found });
});
