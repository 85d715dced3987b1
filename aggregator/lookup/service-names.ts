/**
 * What workloads are called, remembered by process: a name takes rules and texts to find, and each process has many sockets.
 *
 * A name depends on the process, which never changes, and on its host's name and labels, with which what was remembered goes.
 */
import type { Owner, Process } from '../../model/process.ts';
import type { ReportingHost } from '../correlate/report.ts';
import type { Naming } from '../graph/naming.ts';

/** Of one host, as it was called and labelled. */
interface Remembered {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly services: WeakMap<Process, string | null>;
}

export class ServiceNames {
  readonly #naming: Naming;
  readonly #hosts = new WeakMap<ReportingHost, Remembered>();

  constructor(naming: Naming) {
    this.#naming = naming;
  }

  /** By the owner with the lowest pid; null when nothing tells it, or nobody is known to own the socket. */
  of({ owners, host }: { readonly owners: readonly Owner[]; readonly host: ReportingHost }): string | null {
    const process = owners[0]?.process;
    return process === undefined ? null : this.ofProcess(process, host);
  }

  ofProcess(process: Process, host: ReportingHost): string | null {
    const { services } = this.#remembered(host);
    const known = services.get(process);
    if (known !== undefined) return known;
    const service = this.#naming.serviceOf(process, host);
    services.set(process, service);
    return service;
  }

  #remembered(host: ReportingHost): Remembered {
    const known = this.#hosts.get(host);
    if (known !== undefined && known.name === host.name && known.labels === host.labels) return known;
    const begun = { name: host.name, labels: host.labels, services: new WeakMap<Process, string | null>() };
    this.#hosts.set(host, begun);
    return begun;
  }
}
