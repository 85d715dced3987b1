/**
 * One process has a folder: whoever takes it listens at a Unix socket in it, which the kernel closes when that process ends,
 * however it ends.
 *
 * Why that and not another lock: flock(2) is out of reach of Node.js; a file with a pid means nothing to another container
 * that has the same volume, where everybody is pid 1; and an abstract socket is seen in one network namespace alone.
 *
 * Each contender has a socket of its own name, so that whoever removes one that is dead removes nothing else. It asks all
 * others: who answers `has` has the folder; of those that try at the same time the first by name goes on. The last look
 * around and the taking are one step. So of two contenders, one sees the other before it takes the folder; and if it was
 * told that the other one still tries, that one has yet to look around, and sees it.
 *
 * A socket has its name only once it listens, or it would look dead for a moment.
 */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { DiskError } from './disk-error.ts';

export type FolderTaken =
  | { readonly kind: 'taken'; readonly lock: FolderLock }
  /** Another process has it. */
  | { readonly kind: 'in-use' }
  | { readonly kind: 'failed'; readonly error: DiskError };

export interface FolderLock {
  /** Lets go of the folder. Idempotent. */
  close(): void;
}

const namePattern = /^lock-[0-9a-f-]{36}$/;

/** Before the name of a socket that does not listen yet. */
const beginningPrefix = 'new-';

/** Who does not answer for so long, and lives, is taken to have the folder: it may be stopped. */
const answerTimeoutMs = 1_000;

/** Longest path of a socket (unix(7)), with the zero at its end. */
const socketPathMax = 107;

const words = { trying: 'trying', has: 'has' } as const;

/** What another contender is. */
type Rival = 'gone' | 'trying' | 'has';

/** Takes a folder that is there. Whoever takes it makes it first. */
export async function takeFolder(folder: string): Promise<FolderTaken> {
  const name = `lock-${randomUUID()}`;
  let own: Contender | null = null;
  try {
    own = await Contender.bind(folder, name);
    if (await prevails(folder, name)) {
      own.word = words.has;
      removeBeginnings(folder);
      return { kind: 'taken', lock: own };
    }
    own.close();
    return { kind: 'in-use' };
  } catch (error) {
    own?.close();
    if (isRemovedBeginning(error)) return { kind: 'in-use' };
    return { kind: 'failed', error: new DiskError('lock', folder, error) };
  }
}

/** Of processes that ended there; one that is only about to begin finds out that it is too late. */
function removeBeginnings(folder: string): void {
  const beginnings = fs.readdirSync(folder).filter((each) => each.startsWith(`${beginningPrefix}lock-`));
  for (const each of beginnings) fs.rmSync(`${folder}/${each}`, { force: true });
}

function isRemovedBeginning(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' && syscall === 'rename';
}

/** Asks all others that are there, until there is none that was not asked. */
async function prevails(folder: string, name: string): Promise<boolean> {
  const asked = new Set([name]);
  for (;;) {
    const rivals = fs.readdirSync(folder).filter((each) => namePattern.test(each) && !asked.has(each));
    if (rivals.length === 0) return true;
    for (const rival of rivals) {
      asked.add(rival);
      const state = await ask(folder, rival);
      if (state === 'has' || (state === 'trying' && rival < name)) return false;
      if (state === 'gone') fs.rmSync(`${folder}/${rival}`, { force: true });
    }
  }
}

/** The socket that stands for this process in the folder, and tells who asks whether it has it. */
class Contender implements FolderLock {
  word: (typeof words)[keyof typeof words] = words.trying;
  readonly #path: string;
  readonly #server: net.Server;

  private constructor(path: string) {
    this.#path = path;
    this.#server = net.createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(this.word);
    });
  }

  static async bind(folder: string, name: string): Promise<Contender> {
    const contender = new Contender(`${folder}/${name}`);
    const server = contender.#server;
    const beginning = `${beginningPrefix}${name}`;
    await withShortPath(folder, beginning, (path) => {
      return new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, resolve);
      });
    });
    try {
      fs.renameSync(`${folder}/${beginning}`, `${folder}/${name}`);
    } catch (error) {
      server.close();
      throw error;
    }
    // The lock alone keeps no process alive.
    server.unref();
    return contender;
  }

  close(): void {
    this.#server.close();
    fs.rmSync(this.#path, { force: true });
  }
}

/** A socket at which nobody listens is one of a process that ended. */
function ask(folder: string, name: string): Promise<Rival> {
  return withShortPath(folder, name, (path) => {
    return new Promise<Rival>((resolve) => {
      let said = '';
      const socket = net.connect(path);
      const settle = (rival: Rival): void => {
        socket.destroy();
        resolve(rival);
      };
      socket.setEncoding('latin1');
      socket.setTimeout(answerTimeoutMs, () => settle('has'));
      socket.on('data', (text: string) => (said += text));
      socket.on('end', () => settle(said === words.trying ? 'trying' : 'has'));
      socket.on('error', (error: NodeJS.ErrnoException) => {
        const isGone = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
        settle(isGone ? 'gone' : 'has');
      });
    });
  });
}

/** The path of a socket has few letters: a folder with a long one is reached through a descriptor of this process. */
async function withShortPath<Value>(
  folder: string,
  name: string,
  action: (path: string) => Promise<Value>,
): Promise<Value> {
  const path = `${folder}/${name}`;
  if (Buffer.byteLength(path) < socketPathMax) return action(path);
  const fd = fs.openSync(folder, 'r');
  try {
    return await action(`/proc/self/fd/${fd}/${name}`);
  } finally {
    fs.closeSync(fd);
  }
}
