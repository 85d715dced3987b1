/** The error of a message that breaks the protocol. Its code and reason travel back to the agent in a Nack. */

export type WireErrorCode =
  /** The bytes are no AgentMessage at all. */
  | 'not-a-message'
  /** The columns of one section differ in length. */
  | 'column-length'
  /** A number is outside its range, or not exact in a double. */
  | 'bad-number'
  /** Text is longer than textLimits allow. */
  | 'text-too-long'
  /** A list, a table or a dictionary is full. */
  | 'too-many'
  /** An IP address or prefix that is none. */
  | 'bad-address'
  /** A protocol or socket state that the kernel does not have. */
  | 'unknown-state'
  /** A role in a translation that there is not, or one that does not fit its stages. */
  | 'unknown-role'
  /** A dictionary id that was never defined on this stream. */
  | 'unknown-id'
  /** A row that does not fit the slots: opened twice, owned before opened. */
  | 'bad-slot'
  /** A message out of place, such as the end of a snapshot that never began. */
  | 'out-of-place';

export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: WireErrorCode;
  /** What is wrong, with the field and the offending value, in one line. */
  readonly reason: string;

  constructor(code: WireErrorCode, reason: string) {
    super(`${code}: ${reason}`);
    this.code = code;
    this.reason = reason;
  }
}
