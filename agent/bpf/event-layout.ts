/** Where on the running kernel the members lie that the programs of connection events read, besides those of the scan. */
import type { Btf } from './btf.ts';

export type EventLayout = ReturnType<typeof eventLayout>;

/** Throws BtfError when the kernel lacks one of them. */
export function eventLayout(btf: Btf) {
  const tcp = (path: string) => btf.field('tcp_sock', path);
  const argument = (name: string, index: number) => ({
    name: `inet_sock_set_state.${name}`,
    offset: index * 8,
    bytes: 8,
  });
  return {
    tracepoint: btf.id('typedef', 'btf_trace_inet_sock_set_state'),
    /** TP_PROTO of include/trace/events/sock.h. The states are ints, each in a word of its own. */
    context: { sock: argument('sk', 0), before: argument('oldstate', 1), after: argument('newstate', 2) },
    /** The namespace in which a pid has a number. */
    pidNumber: { namespace: btf.field('upid', 'ns') },
    pidNamespace: { inode: btf.field('pid_namespace', 'ns.inum') },
    /** 1 while a system call is at work on the socket; packets have to wait then. */
    isLocked: btf.field('sock', 'sk_lock.owned'),
    /** Why a connection is broken off, as errno. */
    error: btf.field('sock', 'sk_err'),
    tcp: {
      /** Stays when the port is given back, which is before a socket is closed. Network order. */
      localPort: tcp('inet_conn.icsk_inet.inet_sport'),
      bytesAcked: tcp('bytes_acked'),
      bytesReceived: tcp('bytes_received'),
      /** Microseconds, eight times over. */
      roundTrip: tcp('srtt_us'),
      retransmits: tcp('total_retrans'),
    },
    programInfo: { recursionMisses: btf.field('bpf_prog_info', 'recursion_misses') },
  } as const;
}
