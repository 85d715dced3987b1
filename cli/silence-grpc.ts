/** grpc-js writes to stderr by itself, where each of our failures says one line of its own. */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/** For this process, unless the environment asks for grpc-js's words with GRPC_VERBOSITY. */
export function silenceGrpc(env: Readonly<Record<string, string | undefined>>): void {
  if (env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);
}
