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
  return {
    /** What the iterators hand to a program. */
    taskContext: { task: btf.field('bpf_iter__task', 'task') },
    fileContext: { file: btf.field('bpf_iter__task_file', 'file') },
    ...processLayout(btf),
    ...fileLayout(btf),
    ...networkLayout(btf),
    /** 8 bytes without a meaning: what is read through it is a number to the verifier, whatever the kernel keeps there. */
    word: btf.field('timespec64', 'tv_sec'),
    types: {
      file: btf.id('struct', 'file'),
      socket: btf.id('struct', 'socket'),
      sock: btf.id('struct', 'sock'),
      listener: btf.id('struct', 'inet_connection_sock'),
      timeWait: btf.id('struct', 'inet_timewait_sock'),
      inode: btf.id('struct', 'inode'),
      word: btf.id('struct', 'timespec64'),
    },
    functions: {
      taskIterator: btf.id('func', 'bpf_iter_task'),
      fileIterator: btf.id('func', 'bpf_iter_task_file'),
      readOnlyCast: btf.id('func', 'bpf_rdonly_cast'),
    },
  } as const;
}

function processLayout(btf: Btf) {
  const task = (path: string) => btf.field('task_struct', path);
  return {
    task: {
      /** Of the thread and of its process, as the initial namespace counts. */
      tid: task('pid'),
      pid: task('tgid'),
      leader: task('group_leader'),
      parent: task('real_parent'),
      threadPid: task('thread_pid'),
      flags: task('flags'),
      files: task('files'),
      startNs: task('start_boottime'),
      comm: task('comm'),
      credentials: task('real_cred'),
      namespaces: task('nsproxy'),
      cgroups: task('cgroups'),
    },
    /** A pid has a number in each namespace from the initial one (level 0) down to its own. */
    pid: { level: btf.field('pid', 'level'), numbers: btf.field('pid', 'numbers') },
    pidNumber: { number: btf.field('upid', 'nr'), bytes: btf.structBytes('upid') },
    credentials: { uid: btf.field('cred', 'euid.val') },
    namespaces: { net: btf.field('nsproxy', 'net_ns') },
    cgroups: { unified: btf.field('css_set', 'dfl_cgrp') },
    cgroup: { node: btf.field('cgroup', 'kn') },
    cgroupNode: { id: btf.field('kernfs_node', 'id') },
  } as const;
}

function fileLayout(btf: Btf) {
  const file = (path: string) => btf.field('file', path);
  return {
    files: { table: btf.field('files_struct', 'fdt') },
    fdTable: { files: btf.field('fdtable', 'fd'), size: btf.field('fdtable', 'max_fds') },
    file: { operations: file('f_op'), private: file('private_data'), inode: file('f_inode') },
    inode: { number: btf.field('inode', 'i_ino') },
    socket: { sock: btf.field('socket', 'sk'), file: btf.field('socket', 'file') },
    /** A socket and the inode of its file lie side by side. */
    socketInode: btf.field('socket_alloc', 'vfs_inode'),
  } as const;
}

function networkLayout(btf: Btf) {
  const sock = (path: string) => btf.field('sock', path);
  const net = (path: string) => btf.field('net', path);
  return {
    net: {
      inode: net('ns.inum'),
      connections: net('ipv4.tcp_death_row.hashinfo'),
      /** One more than there are sockets in TIME_WAIT. */
      timeWaits: net('ipv4.tcp_death_row.tw_refcount.refs.counter'),
    },
    /** The hash table of connections, and a bucket of it. */
    connections: {
      buckets: btf.field('inet_hashinfo', 'ehash'),
      mask: btf.field('inet_hashinfo', 'ehash_mask'),
    },
    bucketBytes: btf.structBytes('inet_ehash_bucket'),
    sock: {
      chainNode: sock('__sk_common.skc_nulls_node'),
      hash: sock('__sk_common.skc_hash'),
      family: sock('__sk_common.skc_family'),
      state: sock('__sk_common.skc_state'),
      localPort: sock('__sk_common.skc_num'),
      remotePort: sock('__sk_common.skc_dport'),
      localIpv4: sock('__sk_common.skc_rcv_saddr'),
      remoteIpv4: sock('__sk_common.skc_daddr'),
      localIpv6: sock('__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32'),
      remoteIpv6: sock('__sk_common.skc_v6_daddr.in6_u.u6_addr32'),
      net: sock('__sk_common.skc_net.net'),
      protocol: sock('sk_protocol'),
      uid: sock('sk_uid.val'),
      socket: sock('sk_socket'),
      acceptQueue: sock('sk_ack_backlog'),
    },
    /** TCP_FIN_WAIT2 or TCP_TIME_WAIT. */
    timeWait: { state: btf.field('inet_timewait_sock', 'tw_substate') },
    /** How many handshakes it has under way. */
    listener: { requests: btf.field('inet_connection_sock', 'icsk_accept_queue.qlen.counter') },
  } as const;
}
