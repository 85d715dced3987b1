/** Where daemons keep what outlives them, where nobody says otherwise. */
import { join, resolve } from 'node:path';
import { stateFolder } from '../disk/state-folder.ts';
import { usageFailure } from './exit.ts';
import type { CliIo } from './io.ts';

type Env = CliIo['env'];

/** Of an aggregator, and of whoever makes tokens and certificates for it. @param named by --data; null = nobody did */
export function aggregatorFolder(named: string | null, env: Env): string {
  return resolve(named ?? join(ownState(env), 'data'));
}

/** As aggregatorFolder, for who cannot do without. Throws a usage failure for `none`. */
export function requireAggregatorFolder(named: string | null, env: Env): string {
  if (named !== 'none' && named !== '') return aggregatorFolder(named, env);
  throw usageFailure(`--data: expected the folder of the aggregator, found ${JSON.stringify(named)}`);
}

/** Of agents: each host id has a folder of its own in it. @param named by --spool; null = nobody did, or `none` */
export function agentFolder(named: string | null, env: Env): string {
  return resolve(named === null || named === 'none' ? join(ownState(env), 'agent') : named);
}

function ownState(env: Env): string {
  return stateFolder(env, process.getuid?.() ?? -1);
}
