/** Numbers, times and ends as a person reads them. */
import type { EndDocument } from '../../model/document.ts';
import { formatEndpoint } from '../../model/endpoint.ts';

const unitsSeconds = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** `3 min`: how long before `asOf` a time was, in its largest unit. Both on the aggregator's clock, RFC 3339. */
export function formatAge(time: string, asOf: string): string {
  const seconds = Math.max(0, Math.floor((Date.parse(asOf) - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return 'unknown';
  const [unit, size] = unitsSeconds.find(([, size]) => seconds >= size) ?? unitsSeconds[3];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** `14:02:11` in the person's own time zone. */
export function formatClock(time: string | number): string {
  return new Date(time).toLocaleTimeString('en-GB', { hour12: false });
}

/** `5,112`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 host`, `3 hosts`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `java[4121]`; null when no process is known. */
export function formatProcess(end: Pick<EndDocument, 'process' | 'pid'>): string | null {
  if (end.process === null) return end.pid === null ? null : `[${end.pid}]`;
  return end.pid === null ? end.process : `${end.process}[${end.pid}]`;
}

/** `10.1.100.9:8743`. */
export function formatEnd(end: Pick<EndDocument, 'ip' | 'port'>): string {
  return formatEndpoint(end);
}

/** What the end is called on the map: service, else host, else address. */
export function endLabel(end: Pick<EndDocument, 'service' | 'host' | 'ip'>): string {
  return end.service ?? end.host ?? end.ip;
}
