/** Fingerprints of files, by content: a fresh clone, a branch switch and a touched file are told apart from a change. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './step.mjs';

/**
 * @param {readonly string[]} paths files and folders below the checkout; what does not exist counts as absent
 * @param {readonly string[]} [facts] further text that the fingerprint depends on
 * @returns {string} hexadecimal SHA-256
 */
export function fingerprint(paths, facts = []) {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for (const path of paths.flatMap(filesBelow)) {
    hash
      .update(`\0${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** The files at or below `path`, in a fixed order. */
function filesBelow(path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(join(root, path), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.name === 'node_modules' ? [] : filesBelow(join(path, entry.name))));
}

/** The text of a stamp file, '' when there is none. */
export function readStamp(path) {
  try {
    return readFileSync(join(root, path), 'utf8').trim();
  } catch {
    return '';
  }
}
