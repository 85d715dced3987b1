/** Whether this machine lets tests load programs, and how to reach bpf(2) in them. */
import { readFileSync } from 'node:fs';
import { type BpfCalls, loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { readKernelLayout } from '../../../agent/bpf/kernel-layout.ts';
import { SocketScan } from '../../../agent/bpf/socket-scan.ts';

/** Null where it works; why not otherwise. */
export async function whyNoEbpf(): Promise<string | null> {
  try {
    (await SocketScan.open(await loadBpfCalls(), readKernelLayout())).close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
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
