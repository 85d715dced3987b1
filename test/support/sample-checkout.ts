/** A small checkout with the real scripts and stand-ins for npm, tsc and apt-get that write down how they were called. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repository } from './source-tree.ts';

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class SampleCheckout {
  readonly folder = mkdtempSync(join(tmpdir(), 'whotalks-checkout-'));

  constructor() {
    // Others may look inside, for the runs as another user.
    chmodSync(this.folder, 0o755);
    for (const part of ['scripts', '.ci'])
      cpSync(join(repository, part), join(this.folder, part), { recursive: true });
    this.write('package.json', '{}');
    this.write('package-lock.json', '{"version": 1}');
    this.write('model/a.ts', 'export {};');
    this.write('proto/whotalks.proto', 'syntax = "proto3";');
    this.program('npm', 'mkdir -p node_modules/.bin; cp bin/tsc node_modules/.bin/tsc');
    this.program('tsc', 'while [ "$1" != --outDir ]; do shift; done; echo compiled >"$2/a.js"');
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  /** A stand-in on PATH: notes its arguments in `calls`, then runs `script`. */
  program(name: string, script: string): void {
    const note = `echo "$(basename "$0") $*" >>'${this.folder}/calls'`;
    this.write(`bin/${name}`, `#!/bin/sh\n${note}\n${script}\n`);
    chmodSync(join(this.folder, 'bin', name), 0o755);
  }

  /** Arguments of every call of a stand-in since the last time this was asked. */
  calls(): string[] {
    const lines = this.has('calls') ? this.read('calls').trim().split('\n') : [];
    rmSync(join(this.folder, 'calls'), { force: true });
    return lines;
  }

  run(argv: readonly string[], env: Record<string, string> = {}, uid?: number): Run {
    const path = `${join(this.folder, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`;
    const { status, stdout, stderr } = spawnSync(argv[0]!, argv.slice(1), {
      cwd: this.folder,
      encoding: 'utf8',
      env: { ...process.env, PATH: path, ...env },
      ...(uid === undefined ? {} : { uid }),
    });
    return { code: status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
