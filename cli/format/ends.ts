/** How tables write an end, a process and an endpoint. */
import type { EndDocument, OwnerDocument } from '../../model/document.ts';
import { formatEndpoint } from '../../model/endpoint.ts';
import { unknownText } from './column.ts';

/** `index_search@web1`; what is unknown of it is left out. */
export function endName(end: Pick<EndDocument, 'service' | 'process' | 'host'>): string {
  const name = end.service ?? end.process;
  if (name === null || end.host === null) return name ?? end.host ?? unknownText;
  return `${name}@${end.host}`;
}

/** `java[4121]`. */
export function processText(end: { readonly process: string | null; readonly pid: number | null }): string {
  if (end.process === null) return unknownText;
  return end.pid === null ? end.process : `${end.process}[${end.pid}]`;
}

/** `java[4121]`, or `nginx[100] +3` for a socket of several processes. */
export function ownersText(owners: readonly OwnerDocument[]): string {
  const first = owners[0];
  if (first === undefined) return unknownText;
  return owners.length === 1 ? processText(first) : `${processText(first)} +${owners.length - 1}`;
}

/** File descriptors, as `101,102`. */
export function fdsText(fds: readonly number[]): string {
  return fds.length === 0 ? unknownText : fds.join(',');
}

/** A listener's or a peer's address. The remote end of a listener is `*`. */
export function endpointText(end: { readonly ip: string; readonly port: number }): string {
  return formatEndpoint(end);
}
