/**
 * The name a workload goes by, from what its process and host tell: the `service` label, else the systemd unit, else the
 * program. Stable and readable, never a pid. An operator's rules stand above this (aggregator/graph/naming).
 */
import type { Process } from './process.ts';

/** Null when nothing names it. */
export function serviceName(process: Process, labels: ReadonlyMap<string, string>): string | null {
  const candidates = [labels.get('service'), unitName(process.unit), process.program, process.comm];
  return candidates.find((name) => name !== undefined && name !== null && name !== '') ?? null;
}

/** `nginx.service` → `nginx`; an instance goes by its template: `getty@tty1.service` → `getty`. */
function unitName(unit: string | null): string | null {
  return unit?.replace(/\.service$/, '').replace(/@.*$/, '') ?? null;
}
