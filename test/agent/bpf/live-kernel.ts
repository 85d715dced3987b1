/** Whether this machine lets tests load programs, and how to reach bpf(2) in them. */
import { readFileSync } from 'node:fs';
import { type BpfCalls, loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { BpfError } from '../../../agent/bpf/bpf-error.ts';
import { BtfError, BtfUnreadableError } from '../../../agent/bpf/btf.ts';
import { readKernelLayout } from '../../../agent/bpf/kernel-layout.ts';
import { SocketScan } from '../../../agent/bpf/socket-scan.ts';
import { LibcError } from '../../../agent/libc.ts';

/**
 * Null where it works; why not otherwise. Throws where the machine offers all that is needed and the scan cannot be opened all
 * the same: tests that are left out would hide a program that the assembler or the kernel refuses.
 */
export async function whyNoEbpf(): Promise<string | null> {
  try {
    (await SocketScan.open(await loadBpfCalls(), readKernelLayout())).close();
    return null;
  } catch (error) {
    if (isOfMachine(error)) return (error as Error).message;
    throw error;
  }
}

function isOfMachine(error: unknown): boolean {
  if (error instanceof BpfError) return error.code === 'EPERM' || error.code === 'ENOSYS';
  return error instanceof LibcError || error instanceof BtfError || error instanceof BtfUnreadableError;
}

/** As loadBpfCalls, with the bpf commands that `refuse` names failing with its errno. */
export async function refusingCalls(command: number, errno: number): Promise<BpfCalls> {
  const calls = await loadBpfCalls();
  let refused = 0;
  return {
    ...calls,
    bpfAside: async (asked, attributes) =>
      asked === command ? { result: -1, errno } : calls.bpfAside(asked, attributes),
    bpf: (asked, attributes) => {
      refused = asked === command ? errno : 0;
      return refused === 0 ? calls.bpf(asked, attributes) : -1;
    },
    errno: () => (refused === 0 ? calls.errno() : refused),
  };
}

/** Where the unified hierarchy is mounted; null = nowhere. */
export function mountOfUnified(): string | null {
  const match = /^\S+ (\S+) cgroup2 \S*\brw\b/m.exec(readFileSync('/proc/mounts', 'utf8'));
  return match?.[1] ?? null;
}
