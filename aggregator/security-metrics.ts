/** What /metrics shows of who was refused, who is logged in, and whether the audit log is whole. */
import type { Registry } from 'prom-client';
import { counter, counterBy, gauge } from './metric-kinds.ts';
import type { AuditTrail } from './security/audit-trail.ts';
import type { Gate } from './security/gate.ts';
import type { PageSessions } from './security/page-sessions.ts';

export interface SecuritySources {
  readonly gate: Pick<Gate, 'held' | 'forgottenTotal'>;
  readonly audit: Pick<AuditTrail, 'refusals' | 'lostTotal'>;
  readonly login: { readonly sessions: Pick<PageSessions, 'open' | 'forgotten'> };
}

export function addSecurityMetrics(registry: Registry, { gate, audit, login }: SecuritySources): void {
  counterBy(
    registry,
    ['whotalks_refused_total', 'reason'],
    'Calls, requests and connections that were refused.',
    () => audit.refusals,
  );
  counter(
    registry,
    'whotalks_refused_addresses_forgotten_total',
    'Addresses with tokens that are not good that are not counted any more because too many are.',
    () => gate.forgottenTotal,
  );
  gauge(registry, 'whotalks_token_streams', 'Open streams that end with their token.', () => gate.held);
  gauge(registry, 'whotalks_page_logins', 'Browsers that are logged in.', () => login.sessions.open);
  counter(
    registry,
    'whotalks_page_logins_forgotten_total',
    'Browsers that have to log in anew because too many did.',
    () => login.sessions.forgotten,
  );
  counter(
    registry,
    'whotalks_audit_lost_total',
    'Events that are missing in the audit log because it could not be written.',
    () => audit.lostTotal,
  );
}
