/** Where on the running kernel the members lie that the programs read: all that they need of its BTF. */
import { isLittleEndian } from '../netlink/byte-order.ts';
import type { BpfCalls } from './bpf-calls.ts';
import { type Btf, BtfError, readKernelBtf } from './btf.ts';

/** What the scan of files needs (file-scan.ts), there since Linux 5.11. */
export type BasicLayout = ReturnType<typeof basicLayout>;

/** What the scan of fd tables needs besides (socket-scan.ts), there since Linux 6.2. */
export type KernelLayout = ReturnType<typeof kernelLayout>;

/** Of the running kernel. Throws BtfError when it does not tell, or lacks one of them. */
export function readKernelLayout(): KernelLayout {
  return kernelLayout(readOwnBtf());
}

/** The same of fewer members. */
export function readBasicLayout(): BasicLayout {
  return basicLayout(readOwnBtf());
}

/**
 * Throws BtfError when the kernel does not tell, or the machine is not one that programs are made for.
 *
 * @param calls see readKernelBtf
 */
export function readOwnBtf(calls: Pick<BpfCalls, 'map'> | null = null): Btf {
  if (!isLittleEndian()) throw new BtfError('this machine is big-endian');
  return readKernelBtf(undefined, calls);
}

/** Throws BtfError when the kernel lacks one of them. */
export function basicLayout(btf: Pick<Btf, 'id' | 'field' | 'structBytes'>) {
  return {
    /** What the iterators hand to a program. */
    taskContext: { task: btf.field('bpf_iter__task', 'task') },
    fileContext: {
      task: btf.field('bpf_iter__task_file', 'task'),
      fd: btf.field('bpf_iter__task_file', 'fd'),
      file: btf.field('bpf_iter__task_file', 'file'),
    },
    ...processLayout(btf),
    file: { operations: btf.field('file', 'f_op'), inode: btf.field('file', 'f_inode') },
    inode: { number: btf.field('inode', 'i_ino') },
    socket: { sock: btf.field('socket', 'sk') },
    net: { inode: btf.field('net', 'ns.inum') },
    sock: sockLayout(btf),
    mptcp: mptcpLayout(btf),
    functions: {
      taskIterator: btf.id('func', 'bpf_iter_task'),
      fileIterator: btf.id('func', 'bpf_iter_task_file'),
    },
  } as const;
}

/** Throws BtfError when the kernel lacks one of them. */
export function kernelLayout(btf: Btf) {
  const basic = basicLayout(btf);
  return {
    ...basic,
    ...fileLayout(btf, basic),
    ...networkLayout(btf, basic),
    /** 8 bytes without a meaning: what is read through it is a number to the verifier, whatever the kernel keeps there. */
    word: btf.field('timespec64', 'tv_sec'),
    types: {
      task: btf.id('struct', 'task_struct'),
      file: btf.id('struct', 'file'),
      socket: btf.id('struct', 'socket'),
      sock: btf.id('struct', 'sock'),
      listener: btf.id('struct', 'inet_connection_sock'),
      timeWait: btf.id('struct', 'inet_timewait_sock'),
      inode: btf.id('struct', 'inode'),
      word: btf.id('struct', 'timespec64'),
    },
    functions: { ...basic.functions, readOnlyCast: btf.id('func', 'bpf_rdonly_cast') },
  } as const;
}

function processLayout(btf: Pick<Btf, 'field' | 'structBytes'>) {
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

function sockLayout(btf: Pick<Btf, 'field'>) {
  const sock = (path: string) => btf.field('sock', path);
  return {
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
    acceptQueue: sock('sk_ack_backlog'),
  } as const;
}

/** Null where the kernel is built without MPTCP. */
function mptcpLayout(btf: Pick<Btf, 'field'>) {
  try {
    return {
      subflows: btf.field('mptcp_sock', 'conn_list'),
      subflow: {
        node: btf.field('mptcp_subflow_context', 'node'),
        sock: btf.field('mptcp_subflow_context', 'tcp_sock'),
      },
    } as const;
  } catch (error) {
    if (error instanceof BtfError) return null;
    throw error;
  }
}

function fileLayout(btf: Btf, basic: BasicLayout) {
  return {
    files: { table: btf.field('files_struct', 'fdt') },
    fdTable: {
      files: btf.field('fdtable', 'fd'),
      open: btf.field('fdtable', 'open_fds'),
      size: btf.field('fdtable', 'max_fds'),
    },
    file: { ...basic.file, private: btf.field('file', 'private_data') },
    socket: { ...basic.socket, file: btf.field('socket', 'file') },
    /** A socket and the inode of its file lie side by side. */
    socketInode: btf.field('socket_alloc', 'vfs_inode'),
  } as const;
}

function networkLayout(btf: Btf, basic: BasicLayout) {
  return {
    net: {
      ...basic.net,
      connections: btf.field('net', 'ipv4.tcp_death_row.hashinfo'),
      /** One more than there are sockets in TIME_WAIT. */
      timeWaits: btf.field('net', 'ipv4.tcp_death_row.tw_refcount.refs.counter'),
    },
    /** The hash table of connections, and a bucket of it. */
    connections: {
      buckets: btf.field('inet_hashinfo', 'ehash'),
      mask: btf.field('inet_hashinfo', 'ehash_mask'),
    },
    bucketBytes: btf.structBytes('inet_ehash_bucket'),
    sock: {
      ...basic.sock,
      chainNode: btf.field('sock', '__sk_common.skc_nulls_node'),
      hash: btf.field('sock', '__sk_common.skc_hash'),
      socket: btf.field('sock', 'sk_socket'),
    },
    /** TCP_FIN_WAIT2 or TCP_TIME_WAIT. */
    timeWait: { state: btf.field('inet_timewait_sock', 'tw_substate') },
    /** How many handshakes it has under way. */
    listener: { requests: btf.field('inet_connection_sock', 'icsk_accept_queue.qlen.counter') },
  } as const;
}
