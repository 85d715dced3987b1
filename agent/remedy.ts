/** What to do about a failure, where the failure itself knows better than whoever tried. */

/** An error that carries its remedy, as the end of a sentence. */
export interface Remediable {
  /** null = the usual one. */
  readonly remedy: string | null;
}

/** @param usual what helps in general */
export function remedyOf(error: unknown, usual: string): string {
  const { remedy } = (error ?? {}) as Partial<Remediable>;
  return remedy ?? usual;
}
