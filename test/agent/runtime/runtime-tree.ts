/** What runtimes keep on a machine, as a folder made by hand with real files. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class RuntimeTree {
  readonly root = mkdtempSync(join(tmpdir(), 'whotalks-root-'));

  /** @returns the whole path */
  write(path: string, content: unknown): string {
    const whole = this.#place(path);
    writeFileSync(whole, typeof content === 'string' ? content : JSON.stringify(content));
    return whole;
  }

  link(path: string, target: string): void {
    symlinkSync(target, this.#place(path));
  }

  folder(path: string): string {
    mkdirSync(join(this.root, path), { recursive: true });
    return join(this.root, path);
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }

  #place(path: string): string {
    const whole = join(this.root, path);
    mkdirSync(dirname(whole), { recursive: true });
    return whole;
  }
}
