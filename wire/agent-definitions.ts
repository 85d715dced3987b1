/**
 * The parts of AgentMessage that are not columns: Hello, Heartbeat, gaps and the dictionaries. Definitions of processes are
 * decoded by process-reader.ts.
 */
import { formatIp, formatPrefix, parseIp, parsePrefix } from '../model/ip.ts';
import type { InterfaceAddress, Netns } from '../model/netns.ts';
import type {
  AddressDefinition,
  Gap,
  Heartbeat,
  Hello,
  NetnsDefinition,
  ProcessDefinition,
} from './agent-batch.ts';
import { cannotSeeMax, labelsMax, netnsAddressesMax, textLimits } from './agent-limits.ts';
import {
  checkCount,
  checkId,
  checkInteger,
  checkOptionalText,
  checkRange,
  checkText,
  cutOptionalText,
  cutText,
} from './checks.ts';
import { ip16Bytes } from './packing.ts';
import { WireError } from './wire-error.ts';

/** The messages as the codec has them: what is unset is absent, or the zero of its type. */
export interface HelloFields extends Partial<Omit<Hello, 'labels' | 'cannotSee'>> {
  labels?: Record<string, string>;
  cannotSee?: string[];
}

export interface HeartbeatFields extends Partial<Omit<Heartbeat, 'cannotSee'>> {
  cannotSee?: string[];
}

export interface GapFields extends Partial<Gap> {}

export interface ProcessFields {
  id?: number;
  pid?: number;
  startTicks?: number;
  comm?: string;
  exe?: string | undefined;
  cmdline?: string | undefined;
  program?: string | undefined;
  uid?: number;
  user?: string | undefined;
  container?: string | undefined;
  unit?: string | undefined;
  pod?: string | undefined;
  runtime?: string | undefined;
  containerName?: string | undefined;
  podName?: string | undefined;
  podNamespace?: string | undefined;
  workload?: string | undefined;
}

export interface NetnsFields {
  id?: number;
  inode?: number;
  isHost?: boolean;
  addresses?: { ip?: string; prefixLength?: number; device?: string | undefined }[];
  localNetworks?: string[];
  ephemeralFirst?: number;
  ephemeralLast?: number;
}

export interface AddressFields {
  id?: number;
  ip?: Uint8Array;
}

export function encodeHello(hello: Hello): HelloFields {
  const labels = [...hello.labels].slice(0, labelsMax);
  return {
    ...hello,
    agentVersion: cutText(hello.agentVersion, textLimits.name),
    hostId: cutText(hello.hostId, textLimits.name),
    hostName: cutText(hello.hostName, textLimits.name),
    realm: cutText(hello.realm, textLimits.name),
    labels: Object.fromEntries(
      labels.map(([key, value]) => [cutText(key, textLimits.name), cutText(value, textLimits.path)]),
    ),
    kernel: cutText(hello.kernel, textLimits.name),
    cannotSee: cutSentences(hello.cannotSee),
  };
}

/** Throws WireError. The protocol number is not judged here: a refusal names both versions. */
export function decodeHello(fields: HelloFields): Hello {
  const labels = checkCount('labels', Object.entries(fields.labels ?? {}), labelsMax);
  return {
    protocol: fields.protocol ?? 0,
    agentVersion: checkText('agent_version', fields.agentVersion ?? '', textLimits.name),
    hostId: checkText('host_id', fields.hostId ?? '', textLimits.name),
    hostName: checkText('host_name', fields.hostName ?? '', textLimits.name),
    realm: checkText('realm', fields.realm ?? '', textLimits.name),
    labels: new Map(
      labels.map(([key, value]) => [
        checkText('label', key, textLimits.name),
        checkText(`label ${key}`, value, textLimits.path),
      ]),
    ),
    bootId: checkText('boot_id', fields.bootId ?? '', textLimits.name),
    epoch: checkInteger('epoch', fields.epoch ?? 0),
    session: fields.session ?? 0,
    collector: checkText('collector', fields.collector ?? '', textLimits.name),
    cannotSee: decodeSentences(fields.cannotSee ?? []),
    intervalMs: fields.intervalMs ?? 0,
    kernel: checkText('kernel', fields.kernel ?? '', textLimits.name),
    events: checkText('events', fields.events ?? '', textLimits.name),
    watchedUnixMs: checkInteger('watched_unix_ms', fields.watchedUnixMs ?? 0),
  };
}

export function encodeHeartbeat(heartbeat: Heartbeat): HeartbeatFields {
  const { cannotSee, collector } = heartbeat;
  return {
    ...heartbeat,
    cannotSee: cutSentences(cannotSee),
    collector: cutText(collector, textLimits.name),
  };
}

export function decodeHeartbeat(fields: HeartbeatFields): Heartbeat {
  return {
    unixMs: checkInteger('unix_ms', fields.unixMs ?? 0),
    monotonicMs: checkInteger('monotonic_ms', fields.monotonicMs ?? 0),
    roundTripMs: fields.roundTripMs ?? 0,
    openSockets: fields.openSockets ?? 0,
    lostEvents: checkInteger('lost_events', fields.lostEvents ?? 0),
    malformedRows: checkInteger('malformed_rows', fields.malformedRows ?? 0),
    scanMs: fields.scanMs ?? 0,
    cannotSee: decodeSentences(fields.cannotSee ?? []),
    collector: checkText('collector', fields.collector ?? '', textLimits.name),
    intervalMs: fields.intervalMs ?? 0,
  };
}

export function encodeGap(gap: Gap): GapFields {
  return { ...gap, reason: cutText(gap.reason, textLimits.sentence) };
}

export function decodeGap(fields: GapFields): Gap {
  return {
    id: checkInteger('gap id', fields.id ?? 0),
    reason: checkText('gap reason', fields.reason ?? '', textLimits.sentence),
    fromUnixMs: checkInteger('from_unix_ms', fields.fromUnixMs ?? 0),
    toUnixMs: checkInteger('to_unix_ms', fields.toUnixMs ?? 0),
    lostEvents: checkInteger('lost_events', fields.lostEvents ?? 0),
  };
}

export function encodeProcess({ id, process }: ProcessDefinition): ProcessFields {
  return {
    id,
    pid: process.pid,
    startTicks: process.startTicks,
    comm: cutText(process.comm, textLimits.name),
    exe: cutOptionalText(process.exe, textLimits.path),
    cmdline: cutOptionalText(process.cmdline, textLimits.cmdline),
    program: cutOptionalText(process.program, textLimits.path),
    uid: process.uid,
    user: cutOptionalText(process.user, textLimits.name),
    container: cutOptionalText(process.container, textLimits.name),
    unit: cutOptionalText(process.unit, textLimits.name),
    pod: cutOptionalText(process.pod, textLimits.name),
    runtime: cutOptionalText(process.runtime, textLimits.name),
    containerName: cutOptionalText(process.containerName, textLimits.name),
    podName: cutOptionalText(process.podName, textLimits.name),
    podNamespace: cutOptionalText(process.podNamespace, textLimits.name),
    workload: cutOptionalText(process.workload, textLimits.name),
  };
}

export function encodeNetns({ id, netns }: NetnsDefinition): NetnsFields {
  return {
    id,
    inode: netns.inode,
    isHost: netns.isHost,
    addresses: netns.addresses.slice(0, netnsAddressesMax).map((address) => ({
      ip: address.ip,
      prefixLength: address.prefixLength,
      device: cutOptionalText(address.device, textLimits.name),
    })),
    localNetworks: netns.localNetworks.slice(0, netnsAddressesMax).map(formatPrefix),
    ephemeralFirst: netns.ephemeralPorts[0],
    ephemeralLast: netns.ephemeralPorts[1],
  };
}

export function decodeNetns(fields: NetnsFields): NetnsDefinition {
  const first = checkRange('ephemeral_first', fields.ephemeralFirst ?? 0, 0, 65535);
  const netns: Netns = {
    inode: checkInteger('netns inode', fields.inode ?? 0),
    isHost: fields.isHost ?? false,
    addresses: checkCount('addresses', fields.addresses ?? [], netnsAddressesMax).map(decodeInterfaceAddress),
    localNetworks: checkCount('local_networks', fields.localNetworks ?? [], netnsAddressesMax).map((text) => {
      const prefix = parsePrefix(text);
      if (prefix === null) throw badAddress('local_networks', text);
      return prefix;
    }),
    ephemeralPorts: [first, checkRange('ephemeral_last', fields.ephemeralLast ?? 0, first, 65535)],
  };
  return { id: checkId('netns', fields.id), netns };
}

function decodeInterfaceAddress(fields: NonNullable<NetnsFields['addresses']>[number]): InterfaceAddress {
  const ip = parseIp(fields.ip ?? '');
  if (ip === null) throw badAddress('interface address', fields.ip ?? '');
  const longest = ip.includes(':') ? 128 : 32;
  return {
    ip,
    prefixLength: checkRange(`prefix_length of ${ip}`, fields.prefixLength ?? 0, 0, longest),
    device: checkOptionalText('device', fields.device, textLimits.name),
  };
}

export function encodeAddress({ id, ip }: AddressDefinition): AddressFields {
  return { id, ip: ip16Bytes(ip) };
}

export function decodeAddress(fields: AddressFields): AddressDefinition {
  const bytes = fields.ip ?? new Uint8Array();
  if (bytes.length !== 16) {
    throw new WireError('bad-address', `address ${fields.id ?? 0} has ${bytes.length} bytes, not 16`);
  }
  return { id: checkId('address', fields.id), ip: formatIp(bytes) };
}

function badAddress(field: string, text: string): WireError {
  return new WireError('bad-address', `${field} ${JSON.stringify(cutText(text, 80))} is no IP address`);
}

function cutSentences(sentences: readonly string[]): string[] {
  return sentences.slice(0, cannotSeeMax).map((sentence) => cutText(sentence, textLimits.sentence));
}

function decodeSentences(sentences: readonly string[]): string[] {
  return checkCount('cannot_see', sentences, cannotSeeMax).map((sentence) =>
    checkText('cannot_see', sentence, textLimits.sentence),
  );
}
