/** Where processes of a fleet run. */
import type { Peer } from './peer.ts';

/** A place in which processes run under one address: a host, or a container of it. */
export interface Place {
  /** Name of the host, also for a container. */
  readonly host: string;
  start(name: string, executable?: string): Promise<Peer>;
}
