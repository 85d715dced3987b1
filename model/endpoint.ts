/** An endpoint: one IP address and one port. */
import { type IpAddress, isIpv6, isUnspecified, parseIp } from './ip.ts';

export interface Endpoint {
  readonly ip: IpAddress;
  /** 0-65535; 0 means "no port", as the kernel shows the remote end of a listener. */
  readonly port: number;
}

/** `10.1.100.9:8743` or `[fd00::1]:443`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return isIpv6(endpoint.ip) ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
}

/** The reverse of formatEndpoint; null when `text` is no endpoint. IPv6 needs its brackets. */
export function parseEndpoint(text: string): Endpoint | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return null;
  const ip = parseIp(match[1] ?? match[2]!);
  const port = Number(match[3]);
  if (ip === null || port > 65535 || isIpv6(match[1] ?? '') !== (match[1] !== undefined)) return null;
  return { ip, port };
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.ip === b.ip;
}

/** Whether a socket bound to `bound` takes packets sent to `target`: the same port, and the same or the unspecified address. */
export function accepts(bound: Endpoint, target: Endpoint): boolean {
  if (bound.port !== target.port) return false;
  if (bound.ip === target.ip || bound.ip === '::') return true;
  return isUnspecified(bound.ip) && !isIpv6(target.ip);
}
