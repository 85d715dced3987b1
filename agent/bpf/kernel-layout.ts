/** Where on the running kernel the members lie that the programs read: all that they need of its BTF. */
import { isLittleEndian } from '../netlink/byte-order.ts';
import { type Btf, BtfError, readKernelBtf } from './btf.ts';

export type KernelLayout = ReturnType<typeof kernelLayout>;

/** Of the running kernel. Throws BtfError when it does not tell, or lacks one of them. */
export function readKernelLayout(): KernelLayout {
  if (!isLittleEndian()) throw new BtfError('this machine is big-endian');
  return kernelLayout(readKernelBtf());
}

/** Throws BtfError when the kernel lacks one of them. */
export function kernelLayout(btf: Btf) {
  const of = (struct: string, path: string) => btf.field(struct, path);
  return {
    /** What the iterators hand to a program. */
    taskContext: { task: of('bpf_iter__task', 'task') },
    fileContext: { file: of('bpf_iter__task_file', 'file') },
    task: {
      /** Of the thread and of its process, as the initial namespace counts. */
      tid: of('task_struct', 'pid'),
      pid: of('task_struct', 'tgid'),
      leader: of('task_struct', 'group_leader'),
      parent: of('task_struct', 'real_parent'),
      threadPid: of('task_struct', 'thread_pid'),
      flags: of('task_struct', 'flags'),
      files: of('task_struct', 'files'),
      startNs: of('task_struct', 'start_boottime'),
      comm: of('task_struct', 'comm'),
      credentials: of('task_struct', 'real_cred'),
      namespaces: of('task_struct', 'nsproxy'),
      cgroups: of('task_struct', 'cgroups'),
    },
    /** A pid has a number in each namespace from the initial one (level 0) down to its own. */
    pid: { level: of('pid', 'level'), numbers: of('pid', 'numbers') },
    pidNumber: { number: of('upid', 'nr'), bytes: btf.structBytes('upid') },
    credentials: { uid: of('cred', 'euid.val') },
    namespaces: { net: of('nsproxy', 'net_ns') },
    net: { inode: of('net', 'ns.inum'), connections: of('net', 'ipv4.tcp_death_row.hashinfo') },
    cgroups: { unified: of('css_set', 'dfl_cgrp') },
    cgroup: { node: of('cgroup', 'kn') },
    cgroupNode: { id: of('kernfs_node', 'id') },
    files: { table: of('files_struct', 'fdt') },
    fdTable: { files: of('fdtable', 'fd'), size: of('fdtable', 'max_fds') },
    file: {
      operations: of('file', 'f_op'),
      private: of('file', 'private_data'),
      inode: of('file', 'f_inode'),
    },
    inode: { number: of('inode', 'i_ino') },
    socket: { sock: of('socket', 'sk'), file: of('socket', 'file') },
    /** A socket and the inode of its file lie side by side. */
    socketInode: of('socket_alloc', 'vfs_inode'),
    /** The hash table of connections, and a bucket of it. */
    connections: { buckets: of('inet_hashinfo', 'ehash'), mask: of('inet_hashinfo', 'ehash_mask') },
    bucketBytes: btf.structBytes('inet_ehash_bucket'),
    sock: {
      chainNode: of('sock', '__sk_common.skc_nulls_node'),
      hash: of('sock', '__sk_common.skc_hash'),
      acceptQueue: of('sock', 'sk_ack_backlog'),
      socket: of('sock', 'sk_socket'),
      uid: of('sock', 'sk_uid.val'),
      family: of('sock', '__sk_common.skc_family'),
      state: of('sock', '__sk_common.skc_state'),
      protocol: of('sock', 'sk_protocol'),
      localPort: of('sock', '__sk_common.skc_num'),
      remotePort: of('sock', '__sk_common.skc_dport'),
      localIpv4: of('sock', '__sk_common.skc_rcv_saddr'),
      remoteIpv4: of('sock', '__sk_common.skc_daddr'),
      localIpv6: of('sock', '__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32'),
      remoteIpv6: of('sock', '__sk_common.skc_v6_daddr.in6_u.u6_addr32'),
      net: of('sock', '__sk_common.skc_net.net'),
    },
    /** 8 bytes without a meaning: what is read through it is a number to the verifier, whatever the kernel keeps there. */
    word: of('timespec64', 'tv_sec'),
    types: {
      file: btf.id('struct', 'file'),
      socket: btf.id('struct', 'socket'),
      sock: btf.id('struct', 'sock'),
      inode: btf.id('struct', 'inode'),
      word: btf.id('struct', 'timespec64'),
    },
    functions: {
      taskIterator: btf.id('function', 'bpf_iter_task'),
      fileIterator: btf.id('function', 'bpf_iter_task_file'),
      readOnlyCast: btf.id('function', 'bpf_rdonly_cast'),
    },
  } as const;
}
