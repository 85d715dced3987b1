/** Protocols and socket states in the words of `ss`, and the kernel's numbers for them (include/net/tcp_states.h). */

export type Protocol = 'tcp' | 'udp';

/** IPPROTO_TCP and IPPROTO_UDP of the kernel, as they stand on the wire. */
export const protocolNumbers = { tcp: 6, udp: 17 } as const satisfies Record<Protocol, number>;

/** Null when the number is neither TCP nor UDP. */
export function protocolOf(number: number): Protocol | null {
  if (number === 6) return 'tcp';
  return number === 17 ? 'udp' : null;
}

export type SocketState =
  | 'established'
  | 'syn-sent'
  | 'syn-recv'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'time-wait'
  | 'closed'
  | 'close-wait'
  | 'last-ack'
  | 'listen'
  | 'closing'
  | 'unconnected';

/** By the kernel's number; 12 is TCP_NEW_SYN_RECV, a request socket that `ss` shows as syn-recv. Index 0 is unused. */
const tcpStates: readonly (SocketState | null)[] = [
  null,
  'established',
  'syn-sent',
  'syn-recv',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'closed',
  'close-wait',
  'last-ack',
  'listen',
  'closing',
  'syn-recv',
];

/** UDP knows two states only: 1 has a peer, 7 has none. */
const unconnectedUdp = 7;

/** Kernel number to word; null when the kernel has no such state. */
export function stateOf(protocol: Protocol, number: number): SocketState | null {
  if (protocol === 'udp' && number === unconnectedUdp) return 'unconnected';
  return tcpStates[number] ?? null;
}

/** Word to kernel number, the reverse of stateOf. */
export function stateNumber(state: SocketState): number {
  return state === 'unconnected' ? unconnectedUdp : tcpStates.indexOf(state);
}

/** A socket that waits for peers: a TCP listener or a UDP socket without a peer. */
export function isListening(state: SocketState): boolean {
  return state === 'listen' || state === 'unconnected';
}

/** Whether the conversation still exists for this end. TIME_WAIT is only the kernel's memory of it. */
export function isOpen(state: SocketState): boolean {
  return state !== 'time-wait' && state !== 'closed';
}
