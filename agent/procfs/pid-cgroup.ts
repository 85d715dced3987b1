/** /proc/PID/cgroup: the path of a process in each cgroup hierarchy. Layout: cgroups(7). */
import { isUnread, readRecordFile, type Unread } from './proc-file.ts';

export interface CgroupEntry {
  /** Empty for the unified hierarchy (v2), `name=systemd` for systemd's own one, else v1 controllers. */
  readonly controllers: string;
  /** Relative to the reader's cgroup namespace. */
  readonly path: string;
}

export function readCgroup(path: string): CgroupEntry[] | Unread {
  const bytes = readRecordFile(`${path}/cgroup`);
  return isUnread(bytes) ? bytes : parseCgroup(bytes.toString());
}

/** Lines `ID:CONTROLLERS:PATH`; a path may contain colons itself. Lines of another form are passed over. */
export function parseCgroup(text: string): CgroupEntry[] {
  const entries: CgroupEntry[] = [];
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match !== null) entries.push({ controllers: match[1]!, path: match[2]! });
  }
  return entries;
}
