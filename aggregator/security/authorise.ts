/**
 * Who may do what: the table of all that can be done, and the one function that decides. Pure.
 *
 * An action is the full name of a gRPC method, or method and route of HTTP. What is not in the table nobody may do.
 */
import { type Identity, type TokenRole, tokenRoles } from './identity.ts';
import type { Refusal, RefusalReason } from './refusal.ts';
import { type Sight, seesAll, seesNoCmdlines } from './sight.ts';

/** What an action takes. */
export type Need =
  /** Nothing: what it tells is no secret, or it looks for itself at what is shown. */
  | 'nothing'
  /** The certificate of an agent: who reports does so as one host. */
  | 'certificate'
  | 'read'
  | 'admin';

const query = [
  'Connections',
  'To',
  'From',
  'Listeners',
  'Services',
  'Hosts',
  'Deps',
  'Map',
  'About',
  'Watch',
].map((method) => [`/whotalks.v1.Query/${method}`, 'read'] as const);

const api = [
  'connections',
  'to',
  'from',
  'listeners',
  'services',
  'hosts',
  'deps',
  'map',
  'about',
  'watch',
].map((question) => [`GET /api/v1/${question}`, 'read'] as const);

const reflection = ['v1', 'v1alpha'].map(
  (version) => [`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, 'read'] as const,
);

/** What whoever sends a token to POST /login wants. */
export const login = 'login';

const join = '/whotalks.v1.Enrol/Join';

/** What takes nothing at the gate, and looks itself at the token that comes with it. */
export const looksItself: ReadonlySet<string> = new Set([join]);

/** All actions that there are. HEAD is GET without its body. */
export const needs: ReadonlyMap<string, Need> = new Map<string, Need>([
  ['/whotalks.v1.Ingest/Stream', 'certificate'],
  [join, 'nothing'],
  ['/whotalks.v1.Enrol/Renew', 'certificate'],
  ...query,
  ...reflection,
  ['/grpc.health.v1.Health/Check', 'nothing'],
  ['/grpc.health.v1.Health/List', 'nothing'],
  ['/grpc.health.v1.Health/Watch', 'nothing'],
  ...api,
  ['GET /healthz', 'nothing'],
  ['GET /readyz', 'nothing'],
  ['GET /metrics', 'read'],
  // The page itself: the same files everywhere, without anybody's data in them.
  ['GET /', 'nothing'],
  ['GET /*', 'nothing'],
  // Whether this browser has logged in, and logging in and out: what is shown for that is looked at there.
  ['GET /session', 'nothing'],
  ['POST /login', 'nothing'],
  ['POST /logout', 'nothing'],
  [login, 'read'],
]);

/** Whether its answer may have command lines in it. */
export function showsCmdlines(action: string): boolean {
  return /(Query|api\/v1)\/(connections|to|listeners|watch)$/i.test(action);
}

export type Verdict =
  | { readonly kind: 'allowed'; readonly sight: Sight }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function authorise(identity: Identity, action: string): Verdict {
  const need = needs.get(action);
  if (need === undefined) return refused('not-listed', `nobody may do ${actionName(action)}`);
  switch (identity.kind) {
    case 'local':
    case 'insecure':
      return { kind: 'allowed', sight: seesAll };
    case 'agent':
      return need === 'nothing' || need === 'certificate' ? blind : refusedAgent(action, need);
    case 'bearer':
      return authoriseBearer(identity.roles, action, need);
    case 'anonymous':
      return need === 'nothing' ? blind : refusedStranger(identity.refused, action, need);
  }
}

const blind: Verdict = { kind: 'allowed', sight: seesNoCmdlines };

function authoriseBearer(roles: ReadonlySet<TokenRole>, action: string, need: Need): Verdict {
  if (need === 'nothing') return blind;
  if (need === 'certificate') {
    return refused(
      'wrong-role',
      `a token does not let report: ${actionName(action)} takes the certificate of an agent, which "whotalks agent" gets with a join token`,
    );
  }
  const held = heldBy(roles);
  if (held.has(need)) return { kind: 'allowed', sight: { cmdlines: held.has('read:cmdline') } };
  const names = roles.size === 0 ? 'nothing' : tokenRoles.filter((role) => roles.has(role)).join(' and ');
  return refused(
    'wrong-role',
    `this token may ${names}; ${actionName(action)} takes a token of the role ${need}`,
  );
}

/** A role with those that it stands for: who may see command lines may read, and an admin may do both. */
function heldBy(roles: ReadonlySet<TokenRole>): ReadonlySet<TokenRole> {
  if (roles.has('admin')) return new Set(tokenRoles);
  return roles.has('read:cmdline') ? new Set(['read', 'read:cmdline']) : roles;
}

function refusedAgent(action: string, need: Need): Verdict {
  return refused(
    'wrong-role',
    `the certificate of an agent lets report; ${actionName(action)} takes a token of the role ${need}`,
  );
}

/** @param fault why what was shown is not good; null where nothing was */
function refusedStranger(fault: string | null, action: string, need: Need): Verdict {
  if (fault !== null) return refused('bad-credentials', fault);
  const wanted =
    need === 'certificate'
      ? 'the certificate of an agent, which it gets with a join token'
      : `a token of the role ${need}`;
  return refused('no-credentials', `${actionName(action)} takes ${wanted}, and nothing was shown`);
}

function refused(reason: RefusalReason, message: string): Verdict {
  return { kind: 'refused', refusal: { reason, message } };
}

/** `Query/Hosts` of `/whotalks.v1.Query/Hosts`; an HTTP route as it stands. */
export function actionName(action: string): string {
  return action.replace(/^\/(?:[a-z0-9_]+\.)+/, '');
}
