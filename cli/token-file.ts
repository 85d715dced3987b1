/** The file with the token that a command shows to an aggregator: read once, never printed. */
import { readFileSync, statSync } from 'node:fs';
import { usageFailure } from './exit.ts';
import { type CliIo, note } from './io.ts';

/** Letters of a token file at most. */
const tokenLettersMax = 4096;

/** Throws a usage failure that names the flag. @param path as typed */
export function readTokenFile(io: CliIo, path: string): string {
  const text = readText(path).trim();
  if (text === '') throw usageFailure(`--token-file ${path}: it is empty`);
  // What else a file may hold is never sent to anybody.
  if (!/^[\x21-\x7e]+$/.test(text) || text.length > tokenLettersMax) {
    throw usageFailure(`--token-file ${path}: expected one token and nothing else in it`);
  }
  if ((statSync(path).mode & 0o007) !== 0) {
    note(io, `warning: everybody on this machine may read ${path}: chmod 600 ${path}`);
  }
  return text;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usageFailure(`--token-file ${path}: ${unreadable[code ?? ''] ?? message}`);
  }
}

/** Why a file cannot be read. */
const unreadable: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder, not a file',
};
