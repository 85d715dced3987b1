/** What the kernel counts for one TCP socket (struct tcp_info of include/uapi/linux/tcp.h). */

export interface SocketCounters {
  /**
   * What the far end has acknowledged (tcpi_bytes_acked), less a FIN as far as the state tells. The SYN of an end that
   * dialed counts as one byte.
   */
  readonly bytesSent: number;
  /** Payload that came in order: tcpi_bytes_received, less a FIN as far as the state tells. */
  readonly bytesReceived: number;
  /** Smoothed round trip in microseconds (tcpi_rtt); 0 = none measured yet. */
  readonly rttUs: number;
  /** Segments sent again since the beginning (tcpi_total_retrans). */
  readonly retransmits: number;
}

/** Of a socket of which nothing is counted yet. */
export const noCounters: SocketCounters = { bytesSent: 0, bytesReceived: 0, rttUs: 0, retransmits: 0 };

/**
 * What counters are once they have grown by so much: the round trip is another one unless 0, and retransmits stay. Bytes stay
 * exact. @param before null = nothing was counted
 */
export function grownBy(before: SocketCounters | null, growth: SocketCounters): SocketCounters {
  const { bytesSent, bytesReceived, rttUs, retransmits } = before ?? noCounters;
  return {
    bytesSent: Math.min(Number.MAX_SAFE_INTEGER, bytesSent + growth.bytesSent),
    bytesReceived: Math.min(Number.MAX_SAFE_INTEGER, bytesReceived + growth.bytesReceived),
    rttUs: growth.rttUs === 0 ? rttUs : growth.rttUs,
    retransmits,
  };
}

/** Whether both tell the same. */
export function sameCounters(a: SocketCounters, b: SocketCounters): boolean {
  return (
    a.bytesSent === b.bytesSent &&
    a.bytesReceived === b.bytesReceived &&
    a.rttUs === b.rttUs &&
    a.retransmits === b.retransmits
  );
}
