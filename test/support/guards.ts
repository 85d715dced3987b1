/** Guards of doors for tests: as on loopback, or as over TLS with tokens that the test hands out and takes back. */
import type { PeerCertificate } from 'node:tls';
import { createGuards, type Guards, noProofs } from '../../aggregator/guards.ts';
import type { AuditEvent } from '../../aggregator/security/audit.ts';
import type { DoorKind, Identity, Proofs, TokenRole } from '../../aggregator/security/identity.ts';
import { loopbackNames } from '../../aggregator/serve/host-names.ts';

type Bearer = Extract<Identity, { kind: 'bearer' }>;

/** Tokens as a test wants them. The secret of a token is its name with `secret-` before it. */
export class GivenTokens implements Proofs {
  readonly #bearers = new Map<string, Bearer>();
  readonly #agents = new Set<string>();
  readonly #over = new Map<string, string>();

  /** @returns the secret */
  give(name: string, ...roles: readonly TokenRole[]): string {
    this.#bearers.set(name, { kind: 'bearer', tokenId: `id-${name}`, name, roles: new Set(roles) });
    return `secret-${name}`;
  }

  /** What stands for the certificate of an agent. @returns the secret */
  giveAgent(hostId: string): string {
    this.#agents.add(hostId);
    return `secret-${hostId}`;
  }

  takeBack(name: string, why: string): void {
    this.#over.set(name, why);
  }

  ofToken(secret: string): Identity {
    const name = secret.replace(/^secret-/, '');
    if (this.#agents.has(name)) return { kind: 'agent', hostId: name, serial: '1' };
    const bearer = this.#bearers.get(name);
    return bearer === undefined ? refused('this token is not known here') : this.again(bearer);
  }

  ofCertificate(_certificate: PeerCertificate): Identity {
    return refused('no certificates in this test');
  }

  again(identity: Identity): Identity {
    const why = identity.kind === 'bearer' ? this.#over.get(identity.name) : undefined;
    return why === undefined ? identity : refused(why);
  }
}

function refused(why: string): Identity {
  return { kind: 'anonymous', refused: why };
}

export interface TestGuards extends Guards {
  /** What the audit log was told. */
  readonly told: AuditEvent[];
}

/** Of both doors. */
export function guardsFor(door: DoorKind, proofs: Proofs = noProofs): TestGuards {
  const told: AuditEvent[] = [];
  const guards = createGuards({
    grpcDoor: door,
    httpDoor: door,
    proofs,
    audit: (event) => told.push(event),
    hostNames: loopbackNames,
  });
  return { ...guards, told };
}
