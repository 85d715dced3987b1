/**
 * That the scan of files asks Linux 5.11 for nothing that it lacks. No such kernel runs here, so what is asked of the
 * kernel that does is held against what that one has; the versions are those of the kernel's own history.
 */
import { describe, expect, it } from 'vitest';
import { assemble, instructionBytes } from '../../../agent/bpf/assembler.ts';
import { type BpfCalls, loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { readKernelBtf } from '../../../agent/bpf/btf.ts';
import { fdProgram } from '../../../agent/bpf/fd-program.ts';
import { fileProgram } from '../../../agent/bpf/file-program.ts';
import { openFileScan } from '../../../agent/bpf/file-scan.ts';
import type { Statement } from '../../../agent/bpf/instruction.ts';
import {
  type BasicLayout,
  basicLayout,
  readBasicLayout,
  readKernelLayout,
} from '../../../agent/bpf/kernel-layout.ts';
import { learningProgram } from '../../../agent/bpf/learning-program.ts';
import { processListProgram } from '../../../agent/bpf/process-list-program.ts';
import { whyNoEbpf } from './live-kernel.ts';

/** Helpers by number, with the version that brought them to iterators of tasks, at the latest 5.11. */
const helpersOf511: Readonly<Record<number, string>> = {
  1: 'bpf_map_lookup_elem, 3.19',
  113: 'bpf_probe_read_kernel, 5.5',
  158: 'bpf_get_current_task_btf, 5.11',
  162: 'bpf_sock_from_file, 5.11',
};

/** Opcodes that the programs may use, all of eBPF's first instruction set (3.18) but for the comparisons with `<` (4.14). */
const opcodesOf511 = new Set(
  [
    [0x07, 0x0f, 0x17, 0x1f, 0x57, 0x5f, 0x67, 0x77, 0xb7, 0xbf], // arithmetic of 64 bits
    [0xdc], // byte swap
    [0x61, 0x69, 0x71, 0x79, 0x63, 0x6b, 0x73, 0x7b, 0x62, 0x6a, 0x72, 0x7a], // memory
    [0x05, 0x15, 0x1d, 0x55, 0x5d, 0x25, 0x2d, 0xa5, 0xad], // jumps
    [0x18, 0x85, 0x95], // 64-bit constant, call, exit
  ].flat(),
);

/** What stands for something else than a number in a 64-bit constant: a map (3.18), a value in one (5.2). */
const pseudoOf511 = new Set([0, 1, 2]);

/** Everything that is asked of the kernel's types. All of it is in the headers of 5.11 under these names. */
const membersOf511 = [
  'bpf_iter__task.task',
  'bpf_iter__task_file.fd',
  'bpf_iter__task_file.file',
  'bpf_iter__task_file.task',
  'cgroup.kn',
  'cred.euid.val',
  'css_set.dfl_cgrp',
  'file.f_inode',
  'file.f_op',
  'func bpf_iter_task',
  'func bpf_iter_task_file',
  'inode.i_ino',
  'kernfs_node.id',
  'mptcp_sock.conn_list',
  'mptcp_subflow_context.node',
  'mptcp_subflow_context.tcp_sock',
  'net.ns.inum',
  'nsproxy.net_ns',
  'pid.level',
  'pid.numbers',
  'sock.__sk_common.skc_daddr',
  'sock.__sk_common.skc_dport',
  'sock.__sk_common.skc_family',
  'sock.__sk_common.skc_net.net',
  'sock.__sk_common.skc_num',
  'sock.__sk_common.skc_rcv_saddr',
  'sock.__sk_common.skc_state',
  'sock.__sk_common.skc_v6_daddr.in6_u.u6_addr32',
  'sock.__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32',
  'sock.sk_ack_backlog',
  'sock.sk_protocol',
  'sock.sk_uid.val',
  'socket.sk',
  'task_struct.cgroups',
  'task_struct.comm',
  'task_struct.files',
  'task_struct.flags',
  'task_struct.group_leader',
  'task_struct.nsproxy',
  'task_struct.pid',
  'task_struct.real_cred',
  'task_struct.real_parent',
  'task_struct.start_boottime',
  'task_struct.tgid',
  'task_struct.thread_pid',
  'upid',
  'upid.nr',
];

/** The instructions that 5.11 would refuse, in words. */
function newerThings(statements: readonly Statement[]): string[] {
  const { bytes } = assemble(statements);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += instructionBytes) {
    const opcode = bytes.readUInt8(at);
    const source = bytes.readUInt8(at + 1) >> 4;
    const immediate = bytes.readInt32LE(at + 4);
    if (!opcodesOf511.has(opcode)) found.push(`opcode 0x${opcode.toString(16)}`);
    if (opcode === 0x85 && source !== 0) found.push(`call of a kernel function ${immediate}`);
    if (opcode === 0x85 && source === 0 && !(immediate in helpersOf511)) found.push(`helper ${immediate}`);
    if (opcode !== 0x18) continue;
    if (!pseudoOf511.has(source)) found.push(`address of kind ${source}`);
    at += instructionBytes;
  }
  return found;
}

const fds = { recordMap: 3, taskMap: 4, controlMap: 5 };

/** As before Linux 6.5: room for the number in the initial namespace alone. */
function withShortNumbers(kernel: BasicLayout): BasicLayout {
  const { pid, pidNumber } = kernel;
  return { ...kernel, pid: { ...pid, numbers: { ...pid.numbers, bytes: pidNumber.bytes } } };
}

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null)('the scan of files', () => {
  it.each([
    [0, readBasicLayout],
    [2, readBasicLayout],
    [2, () => withShortNumbers(readBasicLayout())],
  ])('has no instruction that 5.11 does not know, %i namespaces deep', (pidLevel, layout) => {
    const kernel = layout();
    expect(newerThings(fileProgram(kernel, { ...fds, pidLevel }))).toEqual([]);
    expect(newerThings(processListProgram(kernel, { ...fds, pidLevel }))).toEqual([]);
    expect(newerThings(learningProgram(kernel, 6))).toEqual([]);
  });

  it('and that would be noticed: the scan of fd tables has some', () => {
    const options = { ...fds, groupMap: 6, socketOperations: 1n, slotsPerCall: 8 } as const;
    const program = fdProgram(readKernelLayout(), options);
    expect(newerThings(program).length).toBeGreaterThan(0);
  });

  it('asks of the kernel’s types what 5.11 has, and no more', () => {
    const btf = readKernelBtf();
    const asked = new Set<string>();
    const note = <T>(name: string, answer: T): T => {
      asked.add(name);
      return answer;
    };
    basicLayout({
      id: (kind, name) => note(`${kind} ${name}`, btf.id(kind, name)),
      field: (struct, path) => note(`${struct}.${path}`, btf.field(struct, path)),
      structBytes: (name) => note(name, btf.structBytes(name)),
    });
    expect([...asked].toSorted()).toEqual(membersOf511);
  });

  it('asks bpf(2) for commands of 5.11, with what they take there', async () => {
    const calls = await loadBpfCalls();
    const asked = new Set<string>();
    const note: BpfCalls['bpf'] = (command, attributes) => {
      const isLink = command === 28;
      // Since 6.1 an iterator of tasks can be told which process to visit: iter_info_len.
      asked.add(isLink ? `link of ${attributes.readUInt32LE(24)} bytes` : `command ${command}`);
      // Since 5.0 programs have types; these need none: prog_btf_fd.
      if (command === 5) asked.add(`types ${attributes.readUInt32LE(72)}`);
      return command;
    };
    const noting: BpfCalls = {
      ...calls,
      bpf: (command, attributes) => calls.bpf(note(command, attributes), attributes),
      bpfAside: (command, attributes) => calls.bpfAside(note(command, attributes), attributes),
    };
    const scan = await openFileScan(noting, readBasicLayout());
    const { tasks } = await scan.run();
    scan.close();
    expect(tasks.length).toBeGreaterThan(0);
    // BPF_MAP_CREATE 3.18, BPF_PROG_LOAD 3.18, BPF_LINK_CREATE 5.7 and BPF_ITER_CREATE 5.8.
    expect([...asked].toSorted()).toEqual([
      'command 0',
      'command 33',
      'command 5',
      'link of 0 bytes',
      'types 0',
    ]);
  });
});

describe.skipIf(obstacle !== null)('the number of a process in a namespace', () => {
  it('is loaded where the verifier lets a program do so, and copied where not', () => {
    const helpersIn = (kernel: BasicLayout, pidLevel: number): number => {
      const { bytes } = assemble(fileProgram(kernel, { ...fds, pidLevel }));
      let copies = 0;
      for (let at = 0; at < bytes.length; at += instructionBytes) {
        if (bytes.readUInt8(at) === 0x85 && bytes.readInt32LE(at + 4) === 113) copies++;
      }
      return copies;
    };
    // Subflows of MPTCP are copied in any case.
    const others = helpersIn(readBasicLayout(), 0);
    expect(helpersIn(readBasicLayout(), 2)).toBe(others);
    expect(helpersIn(withShortNumbers(readBasicLayout()), 0)).toBe(others);
    expect(helpersIn(withShortNumbers(readBasicLayout()), 1)).toBe(others + 1);
  });

  it('is the same when it is copied', async () => {
    const calls = await loadBpfCalls();
    const kernel = readBasicLayout();
    const { pid } = kernel;
    // A declared length of 0 lets it be loaded; one of less than a number has it copied at once.
    const copying = { ...kernel, pid: { ...pid, numbers: { ...pid.numbers, bytes: 1 } } };
    const pids = async (layout: BasicLayout): Promise<boolean> => {
      const scan = await openFileScan(calls, layout);
      const own = Buffer.alloc(4);
      own.writeUInt32LE(process.pid);
      const isThere = (await scan.run()).tasks.includes(own);
      scan.close();
      return isThere;
    };
    expect([await pids(kernel), await pids(copying)]).toEqual([true, true]);
  });
});
