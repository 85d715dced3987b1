/** What is told of a process besides its identity: what runs, how it was started, and where it belongs. Pure. */
import type { Process } from '../../model/process.ts';
import type { CgroupEntry } from '../procfs/pid-cgroup.ts';
import { noPlacement, type Placement, resolvePlacement } from './placement.ts';
import { programName } from './program.ts';
import { type CmdlineMode, formatCmdline } from './redact-cmdline.ts';

/** As the kernel has it, by whichever way it was read. What could not be read is null or empty. */
export interface RawDetails {
  readonly exe: string | null;
  /** Unredacted: not to be kept. */
  readonly args: readonly string[];
  readonly cgroups: readonly CgroupEntry[];
}

/** Fit to be kept and told. */
export interface ProcessDetails extends Pick<Process, 'exe' | 'cmdline' | 'program'> {
  readonly placement: Placement;
}

export const unknownDetails: ProcessDetails = {
  exe: null,
  cmdline: null,
  program: null,
  placement: noPlacement,
};

export function describeDetails({ exe, args, cgroups }: RawDetails, mode: CmdlineMode): ProcessDetails {
  return {
    exe,
    cmdline: formatCmdline(args, mode),
    program: programName(exe, args),
    placement: resolvePlacement(cgroups),
  };
}
