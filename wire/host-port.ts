/**
 * `HOST:PORT` as `--listen`, `--http` and `--server` take it, and the rule that nothing leaves the machine by accident:
 * without TLS and authorisation only loopback, unless `--insecure` says otherwise.
 */
import { isLoopback, parseIp } from '../model/ip.ts';

export interface HostPort {
  /** A name, or an address without brackets. */
  readonly host: string;
  /** 0-65535; 0 lets the system choose, for listeners. */
  readonly port: number;
}

/** Text that is no `HOST:PORT`. */
export class HostPortError extends Error {
  override readonly name = 'HostPortError';
}

/** Plaintext off loopback without `--insecure`. */
export class ExposureError extends Error {
  override readonly name = 'ExposureError';
}

/** Throws HostPortError. IPv6 needs its brackets: `[::1]:7443`. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new HostPortError(`${JSON.stringify(text)} is not HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443`);
  }
  return { host: match[1] ?? match[2]!, port };
}

/** `127.0.0.1:7443` or `[::1]:7443`. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `localhost` and loopback addresses. Any other name may lead anywhere. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost') return true;
  const ip = parseIp(host);
  return ip !== null && isLoopback(ip);
}

/**
 * Throws ExposureError unless `address` is loopback or what goes on there is allowed for another reason.
 * @param flag the flag that named the address, for the message.
 * @param isAllowed TLS protects it, or --insecure was passed
 * @param remedy what else to do, in the imperative
 */
export function refuseExposure(
  flag: string,
  address: HostPort,
  isAllowed: boolean,
  remedy = 'use a loopback address',
): void {
  if (isAllowed || isLoopbackHost(address.host)) return;
  throw new ExposureError(
    `${flag} ${formatHostPort(address)} is not loopback, and without TLS and authorisation anyone there could read ` +
      `and forge connections: ${remedy}, or pass --insecure to accept that`,
  );
}
