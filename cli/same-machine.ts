/**
 * An agent on the machine of its aggregator needs no token: whoever may read the key of the CA in the default data folder could make
 * itself any certificate, so it makes itself a join token.
 */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { AgentTls } from '../agent/config.ts';
import type { SecurityConfig } from '../aggregator/config.ts';

/** TLS with the CA of a data folder of this machine; null where there is none that this user may use. @param folder of agents */
export async function tlsOfThisMachine(
  security: Pick<SecurityConfig, 'folder'>,
  folder: string,
): Promise<AgentTls | null> {
  const caFile = join(security.folder, 'ca.crt');
  try {
    accessSync(caFile, constants.R_OK);
    accessSync(join(security.folder, 'ca.key'), constants.R_OK);
    accessSync(security.folder, constants.W_OK);
  } catch {
    return null;
  }
  const { grantsPath } = await import('../aggregator/security/authority.ts');
  const { GrantsFile } = await import('../aggregator/security/grants-file.ts');
  const { createToken, joinTokenLifeMs } = await import('../aggregator/security/tokens.ts');
  let made = { hostId: '', secret: '', atMs: 0 };
  const make = (hostId: string): string => {
    const nowMs = Date.now();
    // Who is refused comes back every minute.
    if (made.hostId === hostId && nowMs - made.atMs < joinTokenLifeMs / 2) return made.secret;
    const grants = { kind: 'join', host: hostId } as const;
    const token = { name: 'this machine', grants, lifeMs: joinTokenLifeMs };
    const { secret } = createToken(new GrantsFile(grantsPath(security.folder)), token, nowMs);
    made = { hostId, secret, atMs: nowMs };
    return secret;
  };
  return {
    isOnlyIfWanted: true,
    ca: { kind: 'file', path: caFile },
    token: { kind: 'made', make },
    own: null,
    folder,
  };
}
