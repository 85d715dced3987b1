/**
 * The part of the scan that recognises a process whose sockets are those of the last scan, so that nobody looks at them:
 * neither the program, which would wait for the memory of each, nor the agent.
 *
 *     seek         the imprint of the same process: both scans visit processes in ascending order of thread numbers
 *     recognise    the same process, settled, not marked, and the same sockets under the same fds
 *     imprint      what the next scan will compare with: of a process that was read, or the old one again
 *
 * A fingerprint says that no socket came or went. What is told of one that stayed may change as well, and a process is
 * recognised only where every such change is an event which the agent marks it for (state-changes.ts). Queues of
 * listeners change without one, so those are looked at all the same: while its fd is open, a listener stays where it is.
 */
import { type FingerprintOptions, fingerprintCallback, fingerprintFunction } from './fingerprint-program.ts';
import {
  add,
  callHelper,
  exit,
  jump,
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
import { entry, process, processStack } from './process-program.ts';
import { castTo, control, count, part, sock } from './record-program.ts';
import { controlLayout, imprintLayout, listenersMax, markLayout, taskLayout } from './scan-memory.ts';
import { countQueues, noteQueue } from './slot-program.ts';
import { slotStack, stackSlot } from './stack.ts';

/** Labels of the callbacks, in the order in which they stand. */
export const imprintCallbacks = ['seek', fingerprintCallback] as const;

/** More than processes that a scan has room for. */
const stepsMax = 1 << 20;

const stack = {
  key: processStack.key,
  /** Address of the imprint that was found. */
  imprint: stackSlot('imprint', -40, 8),
  tid: stackSlot('tid', -48, 8),
} as const;

const { fields: counters } = controlLayout;
const { fields } = imprintLayout;

export interface ImprintOptions extends FingerprintOptions {
  /** Fd of the map of imprintLayout, twice as many as there are processes. */
  readonly imprintMap: number;
  /** Fd of the map of markLayout. */
  readonly markMap: number;
}

/**
 * Goes on at `read` unless the process of `entry` is recognised; then its entry and its imprint are complete.
 *
 * @param walkFiles calls a function for the slots of its fd table
 */
export function recogniseProcess(
  kernel: KernelLayout,
  { imprintMap, markMap }: ImprintOptions,
  walkFiles: (callback: string) => readonly Statement[],
  read: string,
): Statement[] {
  return [
    load('r1', control, counters.tasksBefore),
    jumpIf('r1', '==', 0, read),
    ...seekImprint(imprintMap, markMap, read),
    load('r1', 'r0', fields.isSettled),
    jumpIf('r1', '==', 0, read),
    load('r1', 'r0', fields.startNs),
    load('r2', process, kernel.task.startNs),
    jumpIf('r1', '!=', 'r2', read),
    load('r1', 'r0', fields.groups),
    load('r2', control, counters.tableGroups),
    jumpIf('r1', '!=', 'r2', read),
    load('r1', 'r0', fields.firstGroup),
    store(control, counters.firstGroup, 'r1'),
    store('fp', stack.imprint, 'r0'),
    store(control, counters.fingerprint, 0),
    ...walkFiles(fingerprintCallback),
    load('r2', 'fp', stack.imprint),
    load('r1', 'r2', fields.fingerprint),
    load('r3', control, counters.fingerprint),
    jumpIf('r1', '!=', 'r3', read),
    load('r1', 'r2', fields.held),
    store(entry, taskLayout.fields.held, 'r1'),
    load('r1', control, counters.cursor),
    add('r1', 1),
    store(entry, taskLayout.fields.before, 'r1'),
    ...takeImprint(imprintMap, read),
    load('r2', 'fp', stack.imprint),
    ...copyImprint(),
    ...lookAtListeners(kernel),
  ];
}

/** r0 = the imprint of the thread of `entry`, if it has one and is not marked. */
function seekImprint(imprintMap: number, markMap: number, read: string): Statement[] {
  return [
    load('r1', entry, taskLayout.fields.tid),
    store('fp', stack.tid, 'r1'),
    move('r1', stepsMax),
    loadCallback('r2', 'seek'),
    move('r3', 'fp'),
    add('r3', stack.tid.offset),
    move('r4', 0),
    callHelper(helpers.loop),
    load('r1', control, counters.cursor),
    load('r2', control, counters.tasksBefore),
    jumpIf('r1', '<', 'r2', 'seek-found-some'),
    jump(read),
    label('seek-found-some'),
    ...findEntry(markMap, stack.key, read),
    load('r1', 'r0', markLayout.fields.isMarked),
    jumpIf('r1', '!=', 0, read),
    load('r1', control, counters.cursor),
    load('r2', control, counters.imprintsBefore),
    add('r1', 'r2'),
    ...findEntry(imprintMap, stack.key, read),
    load('r1', 'r0', fields.tid),
    load('r2', entry, taskLayout.fields.tid),
    jumpIf('r1', '!=', 'r2', read),
  ];
}

/** r0 = the entry of a map at the index in r1. */
function findEntry(map: number, key: typeof stack.key, otherwise: string): Statement[] {
  return [
    store('fp', key, 'r1'),
    move('r2', 'fp'),
    add('r2', key.offset),
    loadMap('r1', map),
    callHelper(helpers.mapLookup),
    jumpIf('r0', '==', 0, otherwise),
  ];
}

/** r0 = the imprint that belongs to `entry`. */
function takeImprint(imprintMap: number, otherwise: string): Statement[] {
  return [
    load('r1', control, counters.imprintsNow),
    load('r2', control, counters.tasks),
    add('r1', 'r2'),
    ...findEntry(imprintMap, stack.key, otherwise),
  ];
}

/** From r2 to r0. Hardly any process listens, and the addresses of listeners are more than all the rest. */
function copyImprint(): Statement[] {
  const copyWords = (from: number, to: number): Statement[] =>
    Array.from({ length: (to - from) / 8 }, (_, word) => {
      const field = { name: `imprint[${word}]`, offset: from + word * 8, bytes: 8 };
      return [load('r1', 'r2', field), store('r0', field, 'r1')];
    }).flat();
  return [
    ...copyWords(0, fields.listenerAddresses.offset),
    load('r1', 'r2', fields.listeners),
    jumpIf('r1', '==', 0, 'no-listeners-to-copy'),
    ...copyWords(fields.listenerAddresses.offset, imprintLayout.bytes),
    label('no-listeners-to-copy'),
  ];
}

/** `process` makes way for `sock`. */
function lookAtListeners(kernel: KernelLayout): Statement[] {
  return [
    ...Array.from({ length: listenersMax }, (_, number) => {
      const next = `after-listener-${number}`;
      return [
        load('r2', 'fp', stack.imprint),
        load('r1', 'r2', fields.listeners),
        jumpIf('r1', '<', number + 1, 'no-more-listeners'),
        load('r1', 'r2', part(fields.listenerAddresses, 8 * number, 8)),
        ...castTo(kernel, 'sock'),
        move(sock, 'r0'),
        ...countQueues(kernel, `listener-${number}`, next, noteQueue(kernel)),
        label(next),
      ];
    }).flat(),
    label('no-more-listeners'),
  ];
}

/** To be called before the slots of a process are read. */
export function beginImprint(): Statement[] {
  return [
    store(control, counters.fingerprint, 0),
    store(control, counters.unsettled, 0),
    store(control, counters.listeners, 0),
    load('r1', control, counters.groups),
    store(control, counters.firstGroup, 'r1'),
  ];
}

/** After they were read: completes `entry`, and leaves an imprint. */
export function leaveImprint(
  kernel: KernelLayout,
  { imprintMap }: ImprintOptions,
  done: string,
): Statement[] {
  return [
    load('r1', control, counters.records),
    load('r2', entry, taskLayout.fields.firstRecord),
    subtract('r1', 'r2'),
    store(entry, taskLayout.fields.held, 'r1'),
    ...takeImprint(imprintMap, done),
    load('r1', process, kernel.task.startNs),
    store('r0', fields.startNs, 'r1'),
    ...(['tid', 'held'] as const).flatMap((field) => [
      load('r1', entry, taskLayout.fields[field]),
      store('r0', fields[field], 'r1'),
    ]),
    load('r1', control, counters.fingerprint),
    store('r0', fields.fingerprint, 'r1'),
    load('r1', control, counters.firstGroup),
    store('r0', fields.firstGroup, 'r1'),
    load('r2', control, counters.tableGroups),
    store('r0', fields.groups, 'r2'),
    add('r1', 'r2'),
    store(control, counters.groups, 'r1'),
    ...Array.from({ length: listenersMax }, (_, number) => [
      load('r1', control, part(counters.listenerAddresses, 8 * number, 8)),
      store('r0', part(fields.listenerAddresses, 8 * number, 8), 'r1'),
    ]).flat(),
    load('r2', control, counters.listeners),
    store('r0', fields.listeners, 'r2'),
    store('r0', fields.isSettled, 0),
    load('r1', control, counters.unsettled),
    jumpIf('r1', '!=', 0, 'is-unsettled'),
    jumpIf('r2', '>', listenersMax, 'is-unsettled'),
    store('r0', fields.isSettled, 1),
    label('is-unsettled'),
  ];
}

/** The callbacks. They go behind all other statements. */
export function imprintFunctions(kernel: KernelLayout, options: ImprintOptions): Statement[] {
  return [...seekFunction(options), ...fingerprintFunction(kernel, options)];
}

/** Lets the cursor pass over processes that come before a thread, whose number the context is. */
function seekFunction({ imprintMap, controlMap }: ImprintOptions): Statement[] {
  const wanted = 'r6';
  return [
    label('seek'),
    load(wanted, 'r2', { ...stack.tid, offset: 0 }),
    loadMapValue(control, controlMap),
    load('r1', control, counters.cursor),
    load('r2', control, counters.tasksBefore),
    jumpIf('r1', '<', 'r2', 'seek-goes-on'),
    jump('seek-ends'),
    label('seek-goes-on'),
    load('r2', control, counters.imprintsBefore),
    add('r1', 'r2'),
    ...findEntry(imprintMap, slotStack.key, 'seek-ends'),
    load('r1', 'r0', fields.tid),
    jumpIf('r1', '<', wanted, 'seek-passes'),
    label('seek-ends'),
    move('r0', 1),
    exit(),
    label('seek-passes'),
    ...count(counters.cursor),
    move('r0', 0),
    exit(),
  ];
}
