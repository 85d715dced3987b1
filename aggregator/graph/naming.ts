/**
 * What an end is called. In this order: the operator's rules, the host's `service` label, what the process itself tells
 * (model/service-name), the listener behind the port, the operator's names for addresses.
 */
import { type IpAddress, type Prefix, prefixContains } from '../../model/ip.ts';
import type { Process } from '../../model/process.ts';
import { serviceName } from '../../model/service-name.ts';
import type { ReportingHost } from '../correlate/report.ts';

/** An operator's rule: every named field must equal the process's, `*` standing for any text. */
export interface ServiceRule {
  readonly service: string;
  readonly match: Readonly<Partial<Record<ServiceRuleField, string>>>;
}

export const serviceRuleFields = [
  'host',
  'program',
  'process',
  'exe',
  'unit',
  'container',
  'containerName',
  'workload',
  'podNamespace',
  'user',
] as const;
export type ServiceRuleField = (typeof serviceRuleFields)[number];

/** An operator's name for addresses that have no agent. */
export interface AddressName {
  readonly prefix: Prefix;
  readonly name: string;
}

export class Naming {
  readonly #rules: readonly { readonly service: string; readonly patterns: readonly FieldPattern[] }[];
  /** Longest prefix first, so that the most particular name wins. */
  readonly #names: readonly AddressName[];

  constructor(rules: readonly ServiceRule[], names: readonly AddressName[]) {
    this.#rules = rules.map(({ service, match }) => ({
      service,
      patterns: serviceRuleFields.flatMap((field) => {
        const glob = match[field];
        return glob === undefined ? [] : [{ field, matches: globMatcher(glob) }];
      }),
    }));
    this.#names = [...names].sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** Name of the workload that a process belongs to; null when nothing tells it. */
  serviceOf(process: Process, host: ReportingHost): string | null {
    const rule = this.#rules.find(({ patterns }) =>
      patterns.every(({ field, matches }) => matches(fieldOf(field, process, host))),
    );
    return rule?.service ?? serviceName(process, host.labels);
  }

  /** The operator's name for an address; null when there is none. */
  addressName(ip: IpAddress): string | null {
    return this.#names.find(({ prefix }) => prefixContains(prefix, ip))?.name ?? null;
  }
}

interface FieldPattern {
  readonly field: ServiceRuleField;
  readonly matches: (text: string | null) => boolean;
}

function fieldOf(field: ServiceRuleField, process: Process, host: ReportingHost): string | null {
  if (field === 'host') return host.name;
  return field === 'process' ? process.comm : process[field];
}

function globMatcher(glob: string): (text: string | null) => boolean {
  const parts = glob.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.*')}$`, 's');
  return (text) => text !== null && pattern.test(text);
}
