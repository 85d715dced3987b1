/**
 * The part of the program for details that finds out where an executable lies: from its name up to the root, folder by
 * folder and mount by mount, as d_path() goes (fs/d_path.c). The result is the path in the process's own mounts.
 *
 * Nothing is locked meanwhile: a folder that is being renamed may show under its old name and its new place.
 */
import type { DetailKernel } from './detail-kernel.ts';
import { detailControl, detailLayout, nameBytes } from './detail-memory.ts';
import { entry, stack, thread, walkPlaces } from './detail-stack.ts';
import {
  add,
  callHelper,
  callKernel,
  exit,
  jumpIf,
  label,
  load,
  loadCallback,
  loadMap,
  loadMapValue,
  move,
  type Statement,
  store,
  subtract,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { control } from './record-program.ts';
import { stackSlot } from './stack.ts';

export const pathPartCallback = 'path_part';

/** A path of more folders and mounts stays unknown. */
const pathPartsMax = 128;

const { fields } = detailLayout;

/** Goes on behind itself, whatever it finds. */
export function findPath({ memoryOfTask, memory, file, mount }: DetailKernel): Statement[] {
  const { walk } = stack;
  return [
    load('r1', thread, memoryOfTask),
    jumpIf('r1', '==', 0, 'no-path'),
    load('r1', 'r1', memory.executable),
    jumpIf('r1', '==', 0, 'no-path'),
    load('r2', 'r1', file.name),
    store('fp', walk.name, 'r2'),
    load('r2', 'r1', file.mount),
    subtract('r2', mount.inner.offset),
    store('fp', walk.mount, 'r2'),
    // From a length that it knows, the verifier would follow all steps one by one: a hundred times as long.
    load('r2', control, detailControl.fields.nothing),
    store('fp', walk.length, 'r2'),
    store('fp', walk.isWhole, 0),
    move('r1', pathPartsMax),
    loadCallback('r2', pathPartCallback),
    move('r3', 'fp'),
    add('r3', walk.start),
    move('r4', 0),
    callHelper(helpers.loop),
    load('r1', 'fp', walk.isWhole),
    jumpIf('r1', '==', 0, 'no-path'),
    load('r1', 'fp', walk.length),
    store(entry, fields.pathBytes, 'r1'),
    label('no-path'),
  ];
}

const passed = walkPlaces(0);

/** In the callback: what it was called with, the struct dentry and the struct mount, and the one above that. */
const [walk, name, mounted] = ['r6', 'r7', 'r8'] as const;

const key = stackSlot('key', -8, 4);
const above = stackSlot('above', -16, 8);

/** One step: over the root of a mount to the place where that is mounted, or over a name to its folder. */
export function pathPart(
  kernel: KernelLayout,
  details: DetailKernel,
  { entryMap, controlMap }: { readonly entryMap: number; readonly controlMap: number },
): Statement[] {
  const { mount, types } = details;
  const cast = (type: number): Statement[] => [
    move('r2', type),
    callKernel(kernel.functions.readOnlyCast, 'bpf_rdonly_cast'),
  ];
  return [
    label(pathPartCallback),
    move(walk, 'r2'),
    load('r1', walk, passed.mount),
    ...cast(types.mount),
    move(mounted, 'r0'),
    load('r1', walk, passed.name),
    ...cast(types.name),
    move(name, 'r0'),
    load('r1', walk, passed.name),
    load('r2', mounted, mount.root),
    jumpIf('r1', '!=', 'r2', 'inside-mount'),
    load('r2', mounted, mount.parent),
    load('r3', walk, passed.mount),
    jumpIf('r2', '==', 'r3', 'whole-path'),
    store(walk, passed.mount, 'r2'),
    load('r2', mounted, mount.place),
    store(walk, passed.name, 'r2'),
    move('r0', 0),
    exit(),
    label('inside-mount'),
    ...writeName(details, entryMap, controlMap),
    // What is in no folder is its own: a file in memory alone.
    load('r1', walk, passed.name),
    load('r2', 'fp', above),
    jumpIf('r1', '==', 'r2', 'whole-path'),
    store(walk, passed.name, 'r2'),
    move('r0', 0),
    exit(),
    label('whole-path'),
    store(walk, passed.isWhole, 1),
    label('end-of-path'),
    move('r0', 1),
    exit(),
  ];
}

/** Behind the names that are there. Where there is no room for a name of any length, the path stays unknown. */
function writeName({ name: names }: DetailKernel, entryMap: number, controlMap: number): Statement[] {
  return [
    load('r1', name, names.parent),
    store('fp', above, 'r1'),
    loadMapValue(control, controlMap),
    load('r1', control, detailControl.fields.entries),
    store('fp', key, 'r1'),
    move('r2', 'fp'),
    add('r2', key.offset),
    loadMap('r1', entryMap),
    callHelper(helpers.mapLookup),
    jumpIf('r0', '==', 0, 'end-of-path'),
    move('r1', 'r0'),
    add('r1', fields.path.offset),
    load('r2', walk, passed.length),
    jumpIf('r2', '>', fields.path.bytes - nameBytes, 'end-of-path'),
    add('r1', 'r2'),
    move('r2', nameBytes),
    load('r3', name, names.text),
    callHelper(helpers.probeReadKernelText),
    jumpIf('r0', '>', nameBytes, 'end-of-path'),
    load('r1', walk, passed.length),
    add('r1', 'r0'),
    store(walk, passed.length, 'r1'),
  ];
}
