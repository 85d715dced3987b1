/** What the programs for the details of processes and for cgroups share with the agent. See scan-memory.ts. */
import { layout } from './scan-memory.ts';

/** NAME_MAX and the NUL byte. */
export const nameBytes = 256;

/** One process that was asked for, in the order of the pids. */
export const detailLayout = layout('detail', {
  /** As the agent's own pid namespace counts. */
  pid: 4,
  /** Bytes of `path` that are filled; 0 where the path is unknown or longer. */
  pathBytes: 4,
  /** Nanoseconds since boot, asleep or not. */
  startNs: 8,
  /** Bytes between the start and the end of the arguments. */
  argsBytes: 4,
  /** Bytes of `args` that are filled: arguments and, where these are overwritten by a title, what comes after them. */
  argsRead: 4,
  /** 1 where the arguments were not read as the process was changing its memory at that moment. */
  isBusy: 4,
  /** Keeps what follows at a multiple of 8. */
  padding: 4,
  /** Names of the folders in which the executable lies, each ended by a NUL byte, from its own up to the root. */
  path: 2048,
  args: 4096,
});

/** What goes on between the agent and a look at processes. */
export const detailControl = layout('detail-control', {
  /** Set by the agent: processes up to this pid are left out. */
  after: 4,
  /** How many were described. */
  entries: 4,
  /** Those that found no room. */
  missed: 4,
  /** The pid of the last one described. */
  last: 4,
  /** Address of the memory last taken from a process whose first thread has exited: its threads share it. */
  threadMemory: 8,
  /** Set by the agent: bit P & wantedMask is 1 where a process of pid P is asked for. */
  wanted: 1 << 13,
  /** Always 0, which the verifier does not know. */
  nothing: 8,
});

/** Several pids share a bit: the agent passes over what it did not ask for. */
export const wantedMask = detailControl.fields.wanted.bytes * 8 - 1;

/** One cgroup of the unified hierarchy, parents first. */
export const cgroupLayout = layout('cgroup', {
  id: 8,
  /** 0 for the one at which the walk begins. */
  parent: 8,
  name: nameBytes,
});

export const cgroupControl = layout('cgroup-control', {
  entries: 4,
  /** Those that found no room. */
  missed: 4,
});
