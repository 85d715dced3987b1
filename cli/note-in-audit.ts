/** What a person grants and takes back on the command line stands in the audit log, with an aggregator or without one. */
import { userInfo } from 'node:os';
import type { AuditEvent } from '../aggregator/security/audit.ts';
import { AuditFile } from '../aggregator/security/audit-file.ts';
import { type CliIo, note } from './io.ts';

/**
 * What was done is done, whether or not it can be written down.
 * @param folder `security` of the data folder
 * @param detail what happened to whom, as a sentence without its end
 */
export async function noteInAudit(
  io: CliIo,
  folder: string,
  event: Pick<AuditEvent, 'kind' | 'detail'> & { readonly subject: string },
): Promise<void> {
  const detail = `${event.detail}, by ${userName()} on the command line`;
  try {
    await new AuditFile(folder).append([{ event: { ...event, peer: null, detail }, atMs: Date.now() }]);
  } catch (error) {
    note(io, `the audit log cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A number where the user has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
