/** Why a server cannot be reached, in words: grpc-js tells only text, in which the system's code stands. */

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'its name cannot be resolved',
  ECONNRESET: 'it closed the connection',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to its network',
};

/** @param details of a status UNAVAILABLE @returns one line, without a full stop */
export function unreachableReason(details: string): string {
  if (/Protocol error|Parse Error/i.test(details)) {
    return 'what listens there does not speak gRPC (the HTTP port?)';
  }
  if (details.startsWith('Name resolution failed')) return 'its name cannot be resolved';
  if (details.includes('Failed to connect')) return 'it takes connections and closes them at once';
  if (details.startsWith('Connection dropped')) return 'the connection broke off';
  const code = /\bE[A-Z_]{3,}\b/.exec(details)?.[0];
  return (code === undefined ? undefined : reasons[code]) ?? details.split('\n')[0]!;
}
