/**
 * The name a workload goes by, from what its process and host tell: the `service` label, else the Kubernetes workload
 * (or the Compose or Swarm service), else the container, the systemd unit, the program. Stable and readable, never a
 * pid. An operator's rules stand above this (aggregator/graph/naming).
 */
import type { Process } from './process.ts';

/** Units that systemd makes up for one run: their names are numbers. */
const transientUnit = /^run-(?:r[0-9a-f]{32}|u?\d+|p\d+-i\d+)\.service$/;

/** Null when nothing names it. */
export function serviceName(process: Process, labels: ReadonlyMap<string, string>): string | null {
  const { workload, containerName, unit, program, comm } = process;
  const candidates = [labels.get('service'), workload, containerName, unitName(unit), program, comm];
  return candidates.find((name) => name !== undefined && name !== null && name !== '') ?? null;
}

/**
 * `nginx.service` → `nginx`; an instance goes by its template: `getty@tty1.service` → `getty`; a service that a bus
 * started without its connection number: `dbus-:1.2-org.example.Sync@0.service` → `org.example.Sync`.
 */
function unitName(unit: string | null): string | null {
  if (unit === null || transientUnit.test(unit)) return null;
  const name = unit.replace(/\.service$/, '').replace(/@.*$/s, '');
  return unescapeUnit(name.replace(/^dbus-:[\d.]+-/, ''));
}

/** systemd writes what a unit's name may not contain as `\xHH`, byte by byte: `my\x2dapp` is `my-app` (systemd.unit(5)). */
export function unescapeUnit(name: string): string {
  if (!name.includes('\\x')) return name;
  try {
    return decodeURIComponent(encodeURIComponent(name).replace(/%5Cx([0-9a-f]{2})/gi, '%$1'));
  } catch {
    // Not the bytes of a text: then it stays as it is written.
    return name;
  }
}
