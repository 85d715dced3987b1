/**
 * The programs at the tracepoint of changes (event-program.ts), which share the work by who makes the change. A system
 * call has the socket locked; while it has, packets have to wait, and what waits is dealt with by that call.
 *
 * An interrupt that finds a program at work keeps it from all changes of the packets that come with it, which may be a
 * hundred. For the program of system calls these are none of its own. The program of packets passes over system calls at
 * once, and yet may be found there; so there are two of it, of which the second tells what the first one did not. Only
 * one of them can be at work at a time.
 */
import { after, before, type EventSurroundings, finish, takeChange } from './event-program.ts';
import { noteHolder } from './holder-program.ts';
import { jumpIf, label, load, type Statement, store } from './instruction.ts';
import { protocols, sock } from './record-program.ts';
import { stackSlot } from './stack.ts';
import { type TellOptions, tellChange } from './tell-program.ts';

const stack = { before: stackSlot('before', -24, 8), after: stackSlot('after', -32, 8) } as const;

/** Changes that a system call makes: the current process is known, and is noted. */
export function callProgram(options: TellOptions): Statement[] {
  return [
    ...takeChange(options),
    ...isLocked(options),
    jumpIf('r1', '==', 0, 'out'),
    store('fp', stack.before, before),
    store('fp', stack.after, after),
    ...noteHolder(options, 'is-noted'),
    label('is-noted'),
    load(before, 'fp', stack.before),
    load(after, 'fp', stack.after),
    ...tellChange(options, 'out'),
    ...finish('out'),
  ];
}

/**
 * Changes that a packet or a timer makes: whoever is the current process has no part in it.
 *
 * @param turn the second one tells only what the first one did not
 */
export function packetProgram(options: TellOptions, turn: 'first' | 'second'): Statement[] {
  return [
    ...takeChange(options),
    ...isLocked(options),
    jumpIf('r1', '!=', 0, 'out'),
    ...tellChange(options, 'out', turn),
    ...finish('out'),
  ];
}

/** r1 = whether a system call is at work; goes on at `out` unless it is TCP. */
function isLocked({ kernel, layout }: EventSurroundings): Statement[] {
  return [
    load('r1', sock, kernel.sock.protocol),
    jumpIf('r1', '!=', protocols.tcp, 'out'),
    load('r1', sock, layout.isLocked),
  ];
}
