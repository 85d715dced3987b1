/** iter/cgroup: id, parent and name of every cgroup of the unified hierarchy, parents first. It takes no mount of it. */
import type { CgroupKernel } from './detail-kernel.ts';
import { cgroupControl, cgroupLayout, nameBytes } from './detail-memory.ts';
import {
  add,
  callHelper,
  exit,
  jumpIf,
  label,
  load,
  loadMapValue,
  move,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import { control, count, record, takeRecord } from './record-program.ts';
import { stackSlot } from './stack.ts';

const [cgroup, entry, node] = ['r6', 'r7', 'r8'] as const;

const key = stackSlot('key', -8, 4);

const { fields } = cgroupLayout;
const { fields: shared } = cgroupControl;

const room = { records: shared.entries, missedRecords: shared.missed, key };

/** Fds of the maps of cgroupLayout and of one cgroupControl. */
export interface CgroupProgramOptions {
  readonly entryMap: number;
  readonly controlMap: number;
}

export function cgroupProgram(kernel: CgroupKernel, options: CgroupProgramOptions): Statement[] {
  return [
    load(cgroup, 'r1', kernel.context.cgroup),
    jumpIf(cgroup, '==', 0, 'done'),
    loadMapValue(control, options.controlMap),
    ...takeRecord(options.entryMap, room, 'entry', 'done'),
    move(entry, record),
    load(node, cgroup, kernel.cgroup.node),
    load('r1', node, kernel.node.id),
    store(entry, fields.id, 'r1'),
    move('r2', 0),
    load('r1', cgroup, kernel.cgroup.parent),
    jumpIf('r1', '==', 0, 'is-root'),
    load('r1', 'r1', kernel.state.cgroup),
    load('r1', 'r1', kernel.cgroup.node),
    load('r2', 'r1', kernel.node.id),
    label('is-root'),
    store(entry, fields.parent, 'r2'),
    move('r1', entry),
    add('r1', fields.name.offset),
    move('r2', nameBytes),
    load('r3', node, kernel.node.name),
    callHelper(helpers.probeReadKernelText),
    ...count(shared.entries),
    label('done'),
    move('r0', 0),
    exit(),
  ];
}
