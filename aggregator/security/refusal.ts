/** Why somebody is refused: one word of a short list, for metrics and for programs, and one line for a person. */

export const refusalReasons = [
  /** Nothing was shown where something is needed. */
  'no-credentials',
  /** A token or certificate that is not good: unknown, expired, taken back, banned. */
  'bad-credentials',
  /** Who it is is known, and may not do this. */
  'wrong-role',
  /** Something that stands in no list of what may be done. */
  'not-listed',
  /** Too many that were not good, from one address. */
  'too-many-failures',
  /** A name of this server that is not its own: another site's page that found its way here. */
  'foreign-host',
  /** A form of another site. */
  'foreign-origin',
  /** What would tell cannot be read. */
  'unreadable',
  /** More than one end may have: streams, connections. */
  'too-many',
  /** A connection that does not speak TLS, or whose handshake failed. */
  'handshake',
  /** An agent that was not enrolled: its join token, or its request, is not good. */
  'enrolment',
  /** An agent whose stream was not taken or was ended: another host's id, another version, a second one. */
  'stream',
] as const;

export type RefusalReason = (typeof refusalReasons)[number];

export interface Refusal {
  readonly reason: RefusalReason;
  /** One line: what, why, what to do. Ends without a full stop. */
  readonly message: string;
}
