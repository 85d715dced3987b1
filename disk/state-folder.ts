/** Where a program keeps what is to last: under $XDG_STATE_HOME, for root without it in /var/lib. */
import { join } from 'node:path';

export function stateFolder(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  const stateHome = env['XDG_STATE_HOME'];
  if (stateHome !== undefined && stateHome !== '') return join(stateHome, 'whotalks');
  if (uid === 0) return '/var/lib/whotalks';
  return join(env['HOME'] ?? '/', '.local', 'state', 'whotalks');
}
