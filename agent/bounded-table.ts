/** How full something with a limit is. Whoever has a limit tells it in this form, and the metrics show all alike. */

export interface BoundedTable {
  /** In the words of docs/metrics.md, snake_case. */
  readonly name: string;
  readonly size: number;
  readonly limit: number;
  /** What found no room since the start, or had to go for something newer. */
  readonly refusedTotal: number;
}

/** Whatever has such tables. */
export interface HasTables {
  readonly tables: readonly BoundedTable[];
}
