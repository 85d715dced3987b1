/** What an agent is told when it starts, and the defaults of all of it. */
import { defaultGrpcAddress } from '../wire/protocol.ts';
import type { CollectorSource } from './collect/source.ts';
import type { NatMode } from './conntrack/nat-mode.ts';
import type { EventChoice } from './events/event-source.ts';
import type { CmdlineMode } from './resolve/redact-cmdline.ts';
import type { KubeletAccess } from './runtime/kubelet-api.ts';

/** How the agent and its aggregator know each other. */
export interface AgentTls {
  /** In plaintext until the aggregator wants TLS. */
  readonly isOnlyIfWanted: boolean;
  readonly ca: TrustedCa;
  /** What is shown for a certificate where the host has none; null = nothing. */
  readonly token: JoinToken | null;
  /** The operator's own certificate and key, PEM files; null = the aggregator makes one. */
  readonly own: { readonly certFile: string; readonly keyFile: string } | null;
  /** Where certificates that the aggregator made are kept: each host id has a folder of its own in it. */
  readonly folder: string;
}

/** Of which CA the aggregator's certificate must be. */
export type TrustedCa =
  /** PEM. */
  | { readonly kind: 'file'; readonly path: string }
  /** SHA-256 of its certificate, hexadecimal. */
  | { readonly kind: 'fingerprint'; readonly sha256: string }
  /** Any that everybody trusts. */
  | { readonly kind: 'public' };

export type JoinToken =
  | { readonly kind: 'file'; readonly path: string }
  /** Where the aggregator's folder is on this machine, and this user may write there. */
  | { readonly kind: 'made'; readonly make: (hostId: string) => string };

export interface AgentConfig {
  /** HOST:PORT of the aggregator. */
  readonly server: string;
  /** Plaintext to an aggregator that is not on loopback. */
  readonly insecure: boolean;
  /** null = plaintext. */
  readonly tls: AgentTls | null;
  /** null = derived from /etc/machine-id, or made once and kept (see host-id.ts). */
  readonly hostId: string | null;
  /** null = the kernel's host name. */
  readonly hostName: string | null;
  readonly realm: string;
  readonly labels: ReadonlyMap<string, string>;
  /** From the start of one scan to the start of the next. */
  readonly intervalMs: number;
  /** How much the agent may use on average, in percent of one core; scans get further apart to keep to it. 0 = no limit. */
  readonly cpuMaxPercent: number;
  /** Where /proc is mounted. */
  readonly procRoot: string;
  /** By which way sockets are read. */
  readonly source: CollectorSource;
  /** By which way connections between two scans are heard of. */
  readonly events: EventChoice;
  /** Whether conntrack is asked how connections are translated. */
  readonly nat: NatMode;
  /** How much of command lines leaves the host. */
  readonly cmdline: CmdlineMode;
  /** Who is asked for the names of pods; null = nobody. */
  readonly kubelet: KubeletAccess | null;
  /** HOST:PORT for Prometheus; null = no endpoint. */
  readonly metrics: string | null;
  /** What is kept on the disk from run to run; null = nothing. */
  readonly spool: SpoolConfig | null;
}

export interface SpoolConfig {
  /** Each host has a folder of its own in it, by its id. */
  readonly folder: string;
  /** Bytes of closed sockets that wait for an aggregator; 0 = they are kept in memory only. */
  readonly maxBytes: number;
}

/** Default of `--spool-max`, and the least that is a spool. */
export const defaultSpoolBytes = 256 << 20;
export const spoolBytesMin = 1 << 20;

export const defaultAgentConfig: AgentConfig = {
  server: defaultGrpcAddress,
  insecure: false,
  tls: null,
  hostId: null,
  hostName: null,
  realm: 'default',
  labels: new Map(),
  intervalMs: 1000,
  cpuMaxPercent: 2,
  procRoot: '/proc',
  source: 'auto',
  events: 'auto',
  nat: 'auto',
  cmdline: 'redacted',
  kubelet: null,
  metrics: null,
  spool: null,
};
