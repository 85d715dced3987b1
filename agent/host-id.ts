/**
 * The id under which a host reports: the operator's, else one derived from /etc/machine-id, else one made once and kept.
 *
 * Namespaces and containers of one machine share its machine-id. Where several agents run as hosts of their own, each
 * needs its own --host-id.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stateFolder } from '../disk/state-folder.ts';

export interface HostId {
  readonly id: string;
  /** `made` = it could not be kept: the next run of the agent will be another host. */
  readonly source: 'given' | 'machine-id' | 'kept' | 'made';
}

export interface HostIdSources {
  /** --host-id. */
  readonly given: string | null;
  /** Path of the machine-id file. */
  readonly machineIdFile: string;
  /** Where an id is kept when there is no machine-id. */
  readonly keptFile: string;
}

/** machine-id(5) asks never to show the id itself, but a keyed hash; this is our key. */
const hashKey = 'whotalks host id, version 1';

const machineIdPattern = /^[0-9a-f]{32}$/;
const keptIdPattern = /^[0-9a-f-]{36}$/;

export function readHostId(sources: HostIdSources): HostId {
  if (sources.given !== null) return { id: sources.given, source: 'given' };
  const machineId = readLine(sources.machineIdFile);
  if (machineId !== null && machineIdPattern.test(machineId)) {
    return { id: deriveHostId(machineId), source: 'machine-id' };
  }
  return readOrMakeKeptId(sources.keptFile);
}

/** The system's paths. */
export function systemHostIdSources(
  given: string | null,
  env: NodeJS.ProcessEnv,
  uid: number,
): HostIdSources {
  return { given, machineIdFile: '/etc/machine-id', keptFile: join(stateFolder(env, uid), 'host-id') };
}

/** HMAC-SHA256 of the machine-id, cut and marked as a UUID of version 8 (RFC 9562: vendor-specific). */
export function deriveHostId(machineId: string): string {
  const bytes = createHmac('sha256', hashKey).update(machineId).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return groups.join('-');
}

/** Two agents that start at once agree on what the first of them wrote. */
function readOrMakeKeptId(file: string): HostId {
  const id = randomUUID();
  try {
    const kept = readLine(file);
    if (kept !== null && keptIdPattern.test(kept)) return { id: kept, source: 'kept' };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${id}\n`, { flag: kept === null ? 'wx' : 'w', mode: 0o600 });
    return { id, source: 'kept' };
  } catch {
    const written = readLine(file);
    return written !== null && keptIdPattern.test(written)
      ? { id: written, source: 'kept' }
      : { id, source: 'made' };
  }
}

/** The first line without its end; null when the file cannot be read. */
function readLine(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0]!.trim();
  } catch {
    return null;
  }
}
