/** What an error says, for a person. */

/** The first line of its message: what follows is for whoever debugs. */
export function errorLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
}
