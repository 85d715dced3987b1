/** The ways of reading sockets, as a person names them. */

/** `auto` takes the best that works here, and `ebpf` the best of those that begin so; see ladder.ts. */
export const collectorSources = ['auto', 'ebpf', 'ebpf-files', 'sockdiag', 'procfs'] as const;

export type CollectorSource = (typeof collectorSources)[number];

export type RungName = Exclude<CollectorSource, 'auto'>;

/** Whether a person who asks for `source` may get `rung`. */
export function isMeant(source: CollectorSource, rung: RungName): boolean {
  return source === 'auto' || rung === source || rung.startsWith(`${source}-`);
}
