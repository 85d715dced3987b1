/** A /proc made by hand, with real links, that a test can change while it is being read. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ProcessShape {
  readonly pid: number;
  readonly comm?: string;
  readonly startTicks?: number;
  /** Kernel's letter; default S. */
  readonly state?: string;
  readonly threads?: number;
  readonly netns?: number;
  /** fd → link. */
  readonly fds?: Readonly<Record<number, string>>;
  /** Text of net/tcp, without its header. */
  readonly tcp?: string;
}

const tcpHeader =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

export class ProcTree {
  readonly root = mkdtempSync(join(tmpdir(), 'whotalks-proc-'));

  /** @param below folder in which the process's folder is made, such as `7/task` */
  add(shape: ProcessShape, below = ''): void {
    const folder = join(this.root, below, String(shape.pid));
    for (const name of ['fd', 'ns', 'net']) mkdirSync(join(folder, name), { recursive: true });
    this.writeStat(shape, below);
    writeFileSync(join(folder, 'status'), 'Uid:\t0\t0\t0\t0\n');
    writeFileSync(join(folder, 'cmdline'), `${shape.comm ?? 'x'}\0`);
    writeFileSync(join(folder, 'cgroup'), '0::/\n');
    writeFileSync(join(folder, 'net/tcp'), tcpHeader + (shape.tcp ?? ''));
    symlinkSync(`/bin/${shape.comm ?? 'x'}`, join(folder, 'exe'));
    symlinkSync(`net:[${shape.netns ?? 4026531840}]`, join(folder, 'ns/net'));
    for (const [fd, link] of Object.entries(shape.fds ?? {})) symlinkSync(link, join(folder, 'fd', fd));
  }

  /** Gives a pid another identity, as when it is used again. */
  writeStat({ pid, comm = 'x', startTicks = 10, state = 'S', threads = 1 }: ProcessShape, below = ''): void {
    const fields = `${state} 1 1 1 0 -1 4194304 9 0 0 0 1 2 0 0 20 0 ${threads} 0 ${startTicks} 1000 5`;
    writeFileSync(join(this.root, below, String(pid), 'stat'), `${pid} (${comm}) ${fields}\n`);
  }

  /** @param folder of a process, such as `self` */
  writeCgroup(folder: string, text: string): void {
    mkdirSync(join(this.root, folder), { recursive: true });
    writeFileSync(join(this.root, folder, 'cgroup'), text);
  }

  /** Moves a process into another namespace. */
  moveTo(pid: number, netns: number): void {
    const link = join(this.root, String(pid), 'ns/net');
    rmSync(link);
    symlinkSync(`net:[${netns}]`, link);
  }

  exit(pid: number): void {
    rmSync(join(this.root, String(pid)), { recursive: true });
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }
}

/** An established row 10.0.0.1:PORT → 10.0.0.2:80. */
export function tcpRow(port: number, inode: number): string {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return `   0: 0100000A:${hexPort} 0200000A:0050 01 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0\n`;
}
