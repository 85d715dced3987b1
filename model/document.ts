/**
 * The documents that CLI, HTTP API and gRPC Query answer with, field for field as in proto/whotalks.proto.
 *
 * Times are RFC 3339 UTC with milliseconds. Unknown is null, never a made-up value.
 */
import type { ContainerIdentity } from './container.ts';
import type { Protocol, SocketState } from './socket-state.ts';

/** What every answer carries. */
export interface DocumentHead {
  readonly apiVersion: string;
  readonly asOf: string;
  /** Hosts whose part of the answer is missing or old. */
  readonly partial: readonly PartialHost[];
}

/** What every answer about a fleet carries besides. */
export interface FleetAnswer extends DocumentHead {
  /** Simulated hosts (`whotalks demo`) are in it. */
  readonly demo: boolean;
}

export interface PartialHost {
  readonly host: string;
  readonly reason: string;
  readonly since: string | null;
}

/** Which ends of a connection were reported. */
export type Seen = 'both' | 'client' | 'server';

/** Why an end is missing. */
export type UnseenBecause =
  /** No agent claims the address. */
  | 'no-agent'
  /** The agent that claims it is stale or lost. */
  | 'agent-stale'
  /** Its agent may still report it. */
  | 'not-yet'
  /** It was gone before its agent looked. */
  | 'closed-first'
  /** Its agent looked and has no such socket: something translates addresses in between. */
  | 'translated'
  /** Several agents claim the address. */
  | 'ambiguous';

/**
 * What made two halves one connection: they mirror each other on one host, or on the wire; the record of a host in
 * between leads from one to the other; or a box without an agent is in between, and no other could be meant.
 */
export type JoinRule = 'same-host' | 'wire' | 'forwarder' | 'inferred';

/** The rule that told client from server. */
export type DirectionRule = 'listener' | 'handshake' | 'conntrack' | 'port' | 'unknown';

export type HostState = 'live' | 'stale' | 'lost';

export interface OwnerDocument {
  readonly pid: number;
  readonly process: string;
  readonly fds: readonly number[];
}

export interface EndDocument extends ContainerIdentity {
  readonly ip: string;
  readonly port: number;
  readonly realm: string;
  readonly host: string | null;
  readonly netns: number | null;
  readonly pid: number | null;
  readonly process: string | null;
  readonly exe: string | null;
  readonly cmdline: string | null;
  readonly user: string | null;
  readonly uid: number | null;
  readonly fds: readonly number[];
  readonly owners: readonly OwnerDocument[];
  readonly inode: number | null;
  readonly unit: string | null;
  readonly service: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

export interface NatDocument {
  readonly clientDialed: string;
  readonly serverSaw: string;
}

export interface ConnectionDocument {
  readonly id: string;
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly seen: Seen;
  readonly unseenBecause: UnseenBecause | null;
  readonly direction: DirectionRule;
  readonly client: EndDocument;
  readonly server: EndDocument;
  readonly openedAt: string;
  readonly closedAt: string | null;
  readonly lastSeenAt: string;
  readonly bytesToServer: number | null;
  readonly bytesToClient: number | null;
  readonly rttUs: number | null;
  readonly retransmits: number | null;
  readonly nat: NatDocument | null;
  /** null where an end is unseen, or is a UDP socket that has no peer of its own. */
  readonly joinedBy: JoinRule | null;
}

export interface ConnectionsDocument extends FleetAnswer {
  readonly connections: readonly ConnectionDocument[];
  /** Matches before the limit cut them. */
  readonly total: number;
}

/** One group of connections with the same far end. */
export interface PeerDocument {
  readonly service: string | null;
  readonly host: string | null;
  readonly process: string | null;
  readonly user: string | null;
  readonly ip: string;
  /** Server port. */
  readonly port: number;
  readonly protocol: Protocol;
  readonly connections: number;
  readonly open: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly seen: Seen;
  readonly unseenBecause: UnseenBecause | null;
  /** null when the group spans several processes. */
  readonly pid: number | null;
  /** What the clients dialed, where that is translated to the server's address; null where it is not. */
  readonly dialed: string | null;
}

export interface GapDocument {
  readonly host: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly lostEvents: number | null;
}

/** The proof behind "nobody talks to it". */
export interface CoverageDocument {
  readonly hosts: number;
  readonly reporting: number;
  readonly since: string;
  readonly gaps: readonly GapDocument[];
}

export interface ToDocument extends FleetAnswer {
  readonly target: string;
  /** The answer in one sentence. */
  readonly summary: string;
  readonly listeners: readonly EndDocument[];
  readonly clients: readonly PeerDocument[];
  readonly coverage: CoverageDocument;
}

export interface FromDocument extends FleetAnswer {
  readonly source: string;
  readonly summary: string;
  readonly servers: readonly PeerDocument[];
  readonly coverage: CoverageDocument;
}

export interface ListenerDocument extends EndDocument {
  readonly protocol: Protocol;
  /** Distinct client services. */
  readonly clients: number;
  /** Open connections. */
  readonly open: number;
}

export interface ListenersDocument extends FleetAnswer {
  readonly listeners: readonly ListenerDocument[];
  readonly total: number;
}

export interface ServiceDocument {
  readonly service: string;
  readonly hosts: readonly string[];
  /** Distinct processes that hold sockets. */
  readonly instances: number;
  readonly listens: readonly { readonly port: number; readonly protocol: Protocol }[];
  readonly clients: number;
  readonly servers: number;
  /** False for a peer that no agent reports. */
  readonly observed: boolean;
}

export interface ServicesDocument extends FleetAnswer {
  readonly services: readonly ServiceDocument[];
}

export interface SeenCounts {
  readonly both: number;
  readonly client: number;
  readonly server: number;
}

export interface HostDocument {
  readonly host: string;
  readonly hostId: string;
  readonly realm: string;
  readonly state: HostState;
  readonly collector: string;
  /** How connections between two looks are heard of: `ebpf` or `destroy`; null = they are not. */
  readonly events: string | null;
  readonly cannotSee: readonly string[];
  readonly addresses: readonly string[];
  readonly lastSeenAt: string;
  readonly clockOffsetMs: number | null;
  readonly lostEvents: number;
  readonly gaps: readonly GapDocument[];
  readonly connections: number;
  readonly match: SeenCounts;
  readonly labels: Readonly<Record<string, string>>;
  readonly agentVersion: string;
  /** Between two looks at its sockets, as its agent makes them now. */
  readonly intervalMs: number;
}

export interface HostsDocument extends FleetAnswer {
  readonly hosts: readonly HostDocument[];
}

export interface EdgeDocument {
  readonly client: string;
  readonly server: string;
  readonly realm: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly open: number;
  readonly total: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly bytesToServer: number | null;
  readonly bytesToClient: number | null;
  readonly seen: SeenCounts;
}

export interface MapDocument extends FleetAnswer {
  readonly services: readonly ServiceDocument[];
  readonly edges: readonly EdgeDocument[];
}

export interface DepsDocument extends FleetAnswer {
  readonly service: string;
  readonly edges: readonly EdgeDocument[];
}

export interface WatchDocument {
  readonly apiVersion: string;
  readonly asOf: string;
  readonly kind: 'started' | 'opened' | 'closed' | 'refused' | 'edge' | 'host' | 'missed';
  readonly connection: ConnectionDocument | null;
  readonly edge: EdgeDocument | null;
  readonly host: HostDocument | null;
  readonly missed: number;
}

/** The aggregator itself: what a client and the page need to know of it. */
export interface AboutDocument {
  readonly apiVersion: string;
  readonly asOf: string;
  readonly version: string;
  /** Since when it watches. */
  readonly since: string;
  /** Where agents and the CLI reach it, as bound. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  /** It takes plaintext without authorisation off loopback. */
  readonly insecure: boolean;
  readonly bus: BusDocument;
  /** null = it is an earlier version, which does not say. */
  readonly data: DataDocument | null;
}

/** Where it keeps what outlives it. */
export interface DataDocument {
  /** null = nowhere. */
  readonly folder: string | null;
  /** `failing`: the disk takes nothing, so that what agents tell is not durable. */
  readonly state: 'durable' | 'failing' | 'memory';
  /** Since when the disk fails; null = it does not. */
  readonly since: string | null;
  readonly error: string | null;
  /** Of the journal. */
  readonly bytes: number;
}

/** Where it publishes what it saw. */
export interface BusDocument {
  readonly name: string;
  readonly state: 'connected' | 'disconnected';
  readonly since: string;
  readonly error: string | null;
  readonly published: number;
  readonly lost: number;
  readonly queued: number;
}

/** Who asks through a browser. */
export interface SessionDocument {
  readonly apiVersion: string;
  /** False where everybody may ask: on loopback, or with --insecure. */
  readonly needsToken: boolean;
  /** null = nobody has logged in. */
  readonly session: { readonly name: string; readonly roles: readonly string[] } | null;
}

/** `whotalks sockets`: this host alone, no aggregator. */
export interface SocketsDocument extends DocumentHead {
  readonly sockets: readonly SocketDocument[];
}

export interface SocketDocument {
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly local: { readonly ip: string; readonly port: number };
  readonly remote: { readonly ip: string; readonly port: number };
  /** null where the kernel has none: TIME_WAIT, SYN_RECV, the accept queue. */
  readonly inode: number | null;
  readonly uid: number;
  readonly netns: number;
  readonly owners: readonly OwnerDocument[];
  readonly container: string | null;
  readonly unit: string | null;
  readonly service: string | null;
}

/** Answer of the HTTP API when it cannot answer. */
export interface ErrorDocument {
  readonly error: { readonly code: string; readonly message: string; readonly column: number | null };
}
