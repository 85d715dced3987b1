/**
 * The names under which HTTP answers. A page of another site can have its own name lead here (DNS rebinding), and then ask
 * through somebody's browser as if it came from here; so a request for a name that is not this server's own is refused.
 */
import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { parseIp } from '../../model/ip.ts';
import { isLoopbackHost } from '../../wire/host-port.ts';
import type { Refusal } from '../security/refusal.ts';

export interface HostNames {
  /** @param name without port and brackets, in lower case */
  readonly isOwn: (name: string) => boolean;
  /** For the message. */
  readonly are: string;
}

/** Of a server on loopback. */
export const loopbackNames: HostNames = { isOwn: isLoopbackHost, are: 'localhost and 127.0.0.1' };

/**
 * Of a server that others reach: addresses, which no other site has; names without a dot, which nobody can register; the name
 * of this machine; and what the operator names or the certificate is for.
 *
 * @param names as they stand in the settings
 * @param certificates of the server as PEM, if it has any
 */
export function publicNames(names: readonly string[], certificates: readonly string[]): HostNames {
  const own = new Set([hostname(), ...names].map((name) => name.toLowerCase()));
  const certified = certificates.map((pem) => new X509Certificate(pem));
  return {
    isOwn: (name) =>
      parseIp(name) !== null ||
      (name !== '' && !name.includes('.')) ||
      own.has(name) ||
      certified.some((certificate) => certificate.checkHost(name) !== undefined),
    are: 'its addresses, the names of its certificate, and those of --http-name',
  };
}

/** Null when the request is for a name of this server. @param host header of the request */
export function refusalOfHost(host: string | undefined, names: HostNames): Refusal | null {
  const name = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::[0-9]+)?$/i.exec(host ?? '');
  if (name !== null && names.isOwn((name[1] ?? name[2]!).toLowerCase())) return null;
  return { reason: 'foreign-host', message: `this aggregator answers only to ${names.are}` };
}

/**
 * Null when what changes something was sent by a page of this server: the browser says of which site the page is that sent it.
 *
 * @param origin header of the request; programs send none, and have no cookie that others could make use of
 */
export function refusalOfOrigin(origin: string | undefined, host: string | undefined): Refusal | null {
  if (origin !== undefined && hostOf(origin) === host?.toLowerCase()) return null;
  return {
    reason: 'foreign-origin',
    message:
      'only the page of this aggregator may send this: programs show their token in "authorization: Bearer"',
  };
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
