/** How long a socket has not been shown, and when that means that it is closed: one lifecycle, one transition. */

/** What one scan says about a socket. */
export type Sighting =
  /** Its row is there. */
  | 'shown'
  /** Its namespace was read, and the row is not there. Socket tables tear while they are read, so this may be an error. */
  | 'missing'
  /** Its namespace has a process but could not be read this time: nothing is known. */
  | 'not-looked'
  /** No process is in its namespace any more. */
  | 'netns-gone';

export type Absence =
  | { readonly kind: 'present' }
  /** Missing for the first time in a row. */
  | { readonly kind: 'missed'; readonly sinceMs: number }
  | { readonly kind: 'netns-gone'; readonly sinceMs: number }
  /** For good. */
  | { readonly kind: 'closed'; readonly sinceMs: number };

export const present: Absence = { kind: 'present' };

/**
 * Two scans in a row must tell the same before a socket is closed; a scan that did not look neither confirms nor denies.
 *
 * @param startedAtMs start of the scan that made the sighting
 */
export function absenceAfter(absence: Absence, sighting: Sighting, startedAtMs: number): Absence {
  if (sighting === 'shown') return present;
  if (sighting === 'not-looked' || absence.kind === 'closed') return absence;
  const kind = sighting === 'missing' ? 'missed' : 'netns-gone';
  if (absence.kind === 'present') return { kind, sinceMs: startedAtMs };
  return { kind: absence.kind === kind ? 'closed' : kind, sinceMs: absence.sinceMs };
}
