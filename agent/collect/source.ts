/** The ways of reading sockets, as a person names them. */

/** `auto` takes the best that works here; see ladder.ts. */
export const collectorSources = ['auto', 'ebpf', 'sockdiag', 'procfs'] as const;

export type CollectorSource = (typeof collectorSources)[number];

export type RungName = Exclude<CollectorSource, 'auto'>;
