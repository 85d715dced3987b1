/** An address that a daemon was told to listen on, and cannot. */

/** What the system's codes mean to a person. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'ports below 1024 need root or CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'its name cannot be resolved',
};

/** The message is one line, and names the flag to change. */
export class BindError extends Error {
  override readonly name = 'BindError';
  /** The system's, such as EADDRINUSE. */
  readonly code: string;

  constructor(flag: string, address: string, code: string) {
    super(`${flag} ${address}: ${reasons[code] ?? code}: choose another with ${flag} HOST:PORT`);
    this.code = code;
  }
}
