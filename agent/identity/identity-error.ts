/** Why an agent has no certificate to show, or nobody to show it to. */

export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  /** Only a person can mend it. */
  readonly isRefusal: boolean;

  /** @param message one line for the log: what, why, what to do */
  constructor(message: string, isRefusal: boolean) {
    super(message);
    this.isRefusal = isRefusal;
  }
}
