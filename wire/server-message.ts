/** ServerMessage, what an aggregator says to an agent, as one tagged value per thing said. */

export type ServerSaying =
  | {
      readonly kind: 'welcome';
      readonly protocol: number;
      readonly serverVersion: string;
      readonly serverId: string;
      readonly needSnapshot: boolean;
      readonly resumeAfterSeq: number;
      readonly heartbeatIntervalMs: number;
      readonly maxMessageBytes: number;
      readonly startAfterMs: number;
    }
  | { readonly kind: 'ack'; readonly appliedSeq: number; readonly durableSeq: number }
  | { readonly kind: 'nack'; readonly seq: number; readonly code: string; readonly reason: string }
  | { readonly kind: 'throttle'; readonly minIntervalMs: number }
  | { readonly kind: 'resync'; readonly reason: string }
  | { readonly kind: 'redirect'; readonly endpoints: readonly string[] }
  | { readonly kind: 'heartbeat'; readonly monotonicMs: number; readonly serverUnixMs: number };

export type Welcome = Extract<ServerSaying, { kind: 'welcome' }>;

/** As the codec has it; each field may be absent. */
export type ServerMessageFields = Partial<Record<ServerSaying['kind'], object>>;

export function encodeServerMessage({ kind, ...body }: ServerSaying): ServerMessageFields {
  return { [kind]: body };
}

/** Everything the message says; empty for one that only a later version understands. */
export function decodeServerMessage(fields: ServerMessageFields): ServerSaying[] {
  const sayings: ServerSaying[] = [];
  for (const kind of Object.keys(zeros) as ServerSaying['kind'][]) {
    const body = fields[kind];
    if (body !== undefined && body !== null) sayings.push({ kind, ...zeros[kind], ...body } as ServerSaying);
  }
  return sayings;
}

/** What stands in for fields that the encoder left out. Welcome comes first: the rest of a message needs it. */
const zeros = {
  welcome: {
    protocol: 0,
    serverVersion: '',
    serverId: '',
    needSnapshot: false,
    resumeAfterSeq: 0,
    heartbeatIntervalMs: 0,
    maxMessageBytes: 0,
    startAfterMs: 0,
  },
  ack: { appliedSeq: 0, durableSeq: 0 },
  nack: { seq: 0, code: '', reason: '' },
  throttle: { minIntervalMs: 0 },
  resync: { reason: '' },
  redirect: { endpoints: [] },
  heartbeat: { monotonicMs: 0, serverUnixMs: 0 },
} as const satisfies {
  [Kind in ServerSaying['kind']]: Omit<Extract<ServerSaying, { kind: Kind }>, 'kind'>;
};
