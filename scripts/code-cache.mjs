/**
 * What V8 has compiled of the bundle once `whotalks sockets` has run, kept beside it for bin/whotalks: a process that is over
 * in a fifth of a second spends a tenth of that on compiling. V8 takes it only where version and flags are the same, and
 * else compiles by itself.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** @param {string} path of the bundle's main file; nothing is done where there is none */
export async function writeCodeCache(path) {
  if (!existsSync(path)) return;
  const script = new Script(Module.wrap(readFileSync(path, 'utf8')), { filename: path });
  const loaded = { exports: {} };
  script.runInThisContext()(loaded.exports, Module.createRequire(path), loaded, path, dirname(path));
  // What it finds, or whether it may look at all, makes no difference here.
  await loaded.exports.main(['sockets', '--output', 'table'], silentIo());
  writeFileSync(`${path}.cache`, script.createCachedData());
}

function silentIo() {
  const silence = { write: () => {} };
  return {
    stdout: silence,
    stderr: silence,
    env: {},
    signal: new AbortController().signal,
    isTerminal: false,
    terminalColumns: null,
    programName: 'whotalks',
  };
}
