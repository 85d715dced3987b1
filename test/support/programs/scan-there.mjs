/**
 * A collector in a process of its own, wherever a test puts that: other namespaces, fewer privileges, broken mounts.
 *
 *   scan-there.mjs SOURCE [--forbid-bpf] [--forbid-netlink]
 *
 * Each line on stdin is answered by a line of JSON, about the last of some scans:
 *
 *   {"scans": N}      so many, one after the other
 *   {"forMs": N}      as many as there is time for
 *
 *   {"descriptors": "take" | "give"}   opens files until no more can be opened, or closes them again
 *
 * Errors are told as {error}, and do not end it.
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** It lies beside the sources, or beside what was compiled of them. */
const compiled = existsSync(new URL('../../../dist/', import.meta.url)) ? '../../../dist' : '../../..';
const { openCollector } = await import(`${compiled}/agent/collect/ladder.js`);
const { SocketWatch } = await import(`${compiled}/agent/watch/socket-watch.js`);

const [source, ...options] = process.argv.slice(2);

if (options.includes('--forbid-bpf')) await forbid(321, null);
if (options.includes('--forbid-netlink')) await forbid(41, 16);

const watch = new SocketWatch();
let collector = null;
const taken = [];

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
collector?.close();

async function answer(question) {
  if (question.descriptors === undefined) return scan(question);
  if (question.descriptors === 'give') for (const fd of taken.splice(0)) closeSync(fd);
  else takeDescriptors();
  return { descriptors: taken.length };
}

function takeDescriptors() {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
}

async function scan({ scans = Number.POSITIVE_INFINITY, forMs = Number.POSITIVE_INFINITY }) {
  const deadline = performance.now() + forMs;
  const closed = [];
  const owners = new Set();
  let last = null;
  let made = 0;
  try {
    collector ??= await openCollector(source);
    for (; made < scans && performance.now() < deadline; made++) {
      last = await collector.scan();
      for (const { kind, socket } of watch.apply(last)) if (kind === 'closed') closed.push(socket);
      for (const socket of last.sockets)
        for (const owner of socket.owners) owners.add(tellOwner(socket, owner));
    }
  } catch (error) {
    return { error: error.message };
  }
  const { cannotSee, malformedTotal, sockets, netns } = last;
  const told = { collector: collector.name, pid: process.pid, cannotSee, malformedTotal, sockets, netns };
  return { ...told, scans: made, closed, owners: [...owners] };
}

/** Of all scans: who was told to hold what. */
function tellOwner({ inode, local }, { process: { pid, comm } }) {
  return `${inode} ${pid} ${comm} ${local.port}`;
}

/**
 * Lets a system call fail with EPERM for the rest of this process, as a sandbox does: seccomp(2) with a classic BPF filter.
 * Numbers are those of x86-64. @param first null = always; else only when its first argument is this
 */
async function forbid(number, first) {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  const prctl = libc.func('int prctl(int, unsigned long, void *, unsigned long, unsigned long)');
  const [ret, load, equal] = [0x06, 0x20, 0x15];
  const [allow, refuse] = [0x7fff0000, 0x00050001];
  const checks =
    first === null
      ? []
      : [
          [load, 0, 0, 16],
          [equal, 0, 1, first],
        ];
  const filter = [
    [load, 0, 0, 0],
    [equal, 0, checks.length + 1, number],
    ...checks,
    [ret, 0, 0, refuse],
    [ret, 0, 0, allow],
  ];
  const code = Buffer.alloc(filter.length * 8);
  for (const [i, [operation, isTrue, isFalse, operand]] of filter.entries()) {
    code.writeUInt16LE(operation, i * 8);
    code[i * 8 + 2] = isTrue;
    code[i * 8 + 3] = isFalse;
    code.writeUInt32LE(operand, i * 8 + 4);
  }
  const program = Buffer.alloc(16);
  program.writeUInt16LE(filter.length, 0);
  program.writeBigUInt64LE(koffi.address(code), 8);
  const [setSeccomp, filterMode, noNewPrivileges] = [22, 2, 38];
  if (prctl(noNewPrivileges, 1, null, 0, 0) !== 0) throw new Error('prctl PR_SET_NO_NEW_PRIVS');
  if (prctl(setSeccomp, filterMode, program, 0, 0) !== 0)
    throw new Error(`seccomp: ${koffi.errno()} ${code.length}`);
}
