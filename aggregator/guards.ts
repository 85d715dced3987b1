/** The gate, and what stands for it at each of the two doors. */
import { isLoopbackHost } from '../wire/host-port.ts';
import type { Audit } from './security/audit.ts';
import { Gate } from './security/gate.ts';
import { type DoorKind, Identifier, type Proofs } from './security/identity.ts';
import { PageSessions } from './security/page-sessions.ts';
import { GrpcGuard } from './serve/grpc-guard.ts';
import { type HostNames, loopbackNames, publicNames } from './serve/host-names.ts';
import { HttpGuard } from './serve/http-guard.ts';
import type { LoginOptions } from './serve/http-login.ts';

export interface GuardOptions {
  readonly grpcDoor: DoorKind;
  readonly httpDoor: DoorKind;
  readonly proofs: Proofs;
  readonly audit: Audit;
  readonly hostNames: HostNames;
  /** Why TLS found a certificate not good that came from an IP and port. */
  readonly faultOf?: (peer: string) => string | null;
}

export interface Guards {
  readonly gate: Gate;
  readonly grpc: GrpcGuard;
  readonly login: LoginOptions;
}

export function createGuards({
  grpcDoor,
  httpDoor,
  proofs,
  audit,
  hostNames,
  faultOf,
}: GuardOptions): Guards {
  const gate = new Gate({ audit });
  const identifier = new Identifier(httpDoor, proofs);
  const sessions = new PageSessions();
  const guard = new HttpGuard({ gate, identifier, proofs, sessions, hostNames });
  return {
    gate,
    grpc: new GrpcGuard(gate, new Identifier(grpcDoor, proofs, faultOf)),
    login: { guard, gate, identifier, sessions, audit },
  };
}

/** Of a door without TLS. @param host that it listens on */
export function plaintextDoor(host: string): DoorKind {
  return isLoopbackHost(host) ? 'local' : 'insecure';
}

/**
 * The names under which HTTP answers.
 * @param host that it listens on
 * @param further as the operator names them
 * @param certificates of the server as PEM
 */
export function hostNamesOf(
  host: string,
  further: readonly string[],
  certificates: readonly string[],
): HostNames {
  if (isLoopbackHost(host) && further.length === 0) return loopbackNames;
  return publicNames([host, ...further], certificates);
}

/** Where there are no tokens and no certificates: nothing that is shown proves anything. */
export const noProofs: Proofs = {
  ofToken: () => ({ kind: 'anonymous', refused: 'this aggregator has no tokens' }),
  ofCertificate: () => ({ kind: 'anonymous', refused: 'this aggregator has no CA' }),
  again: (identity) => identity,
};
