/** Names of users: /etc/passwd of the agent's own root, read again when it changes. See passwd(5). */
import { readFileSync, statSync } from 'node:fs';

export class UserNames {
  readonly #path: string;
  #names: ReadonlyMap<number, string> = new Map();
  /** Of the file that #names comes from; null before the first read and while there is no file. */
  #modifiedMs: number | null = null;

  constructor(path = '/etc/passwd') {
    this.#path = path;
  }

  /** Looks whether the file changed. Call once per scan; a missing or unreadable file leaves every user nameless. */
  refresh(): void {
    try {
      const { mtimeMs } = statSync(this.#path);
      if (mtimeMs === this.#modifiedMs) return;
      this.#names = parsePasswd(readFileSync(this.#path, 'utf8'));
      this.#modifiedMs = mtimeMs;
    } catch {
      this.#names = new Map();
      this.#modifiedMs = null;
    }
  }

  /** Null for a user that the file does not list (one from a directory service, or of a container). */
  nameOf(uid: number): string | null {
    return this.#names.get(uid) ?? null;
  }
}

/** Lines `NAME:PASSWORD:UID:...`; the first line of a uid names it, as getpwuid(3) does. */
export function parsePasswd(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const match = /^([^:#]+):[^:]*:(\d{1,10}):/.exec(line);
    if (match === null) continue;
    const uid = Number(match[2]);
    if (!names.has(uid)) names.set(uid, match[1]!);
  }
  return names;
}
