/** What an aggregator is told when it starts, and the defaults of all of it. */
import { defaultGrpcAddress, defaultHttpAddress } from '../wire/protocol.ts';
import { type CorrelatorLimits, defaultCorrelatorLimits } from './correlate/correlator.ts';
import type { AddressName, ServiceRule } from './graph/naming.ts';
import type { DataConfig } from './journal/kept-folder.ts';

/** Where certificates and grants are, and which. */
export interface SecurityConfig {
  /** `security` in the data folder; it need not be there. */
  readonly folder: string;
  /** The operator's own certificate of the server with its key, and the CA of certificates that agents may have; PEM. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly caFile: string | null;
  /** How long certificates of agents are good. */
  readonly agentLifeMs: number;
}

export interface AggregatorConfig {
  /** gRPC: agents and the CLI. HOST:PORT; port 0 lets the system choose. */
  readonly listen: string;
  /** UI, HTTP API, health and metrics. */
  readonly http: string;
  /** Plaintext without authorisation off loopback. */
  readonly insecure: boolean;
  /** Names, besides its own, under which HTTP answers, such as those of a proxy before it. */
  readonly httpNames: readonly string[];
  /** TLS and authorisation, where there is a CA or a certificate; null = plaintext in any case. */
  readonly security: SecurityConfig | null;
  /** NATS servers to publish to; empty = none. */
  readonly natsUrls: readonly string[];
  readonly services: readonly ServiceRule[];
  readonly names: readonly AddressName[];
  readonly limits: CorrelatorLimits;
  /** Where it keeps what outlives it; null = nothing does. */
  readonly data: DataConfig | null;
}

export const defaultAggregatorConfig: AggregatorConfig = {
  listen: defaultGrpcAddress,
  http: defaultHttpAddress,
  insecure: false,
  httpNames: [],
  security: null,
  natsUrls: [],
  services: [],
  names: [],
  limits: defaultCorrelatorLimits,
  data: null,
};
