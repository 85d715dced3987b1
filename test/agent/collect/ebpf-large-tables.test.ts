/**
 * A socket shows wherever in a large fd table it is, and shows no more when it was closed or another file took its place:
 * scans of what changed look at those slots alone that are in use.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEbpfCollector, type EbpfCollector } from '../../../agent/collect/ebpf-collector.ts';
import { fc } from '../../support/random-cases.ts';
import { whyNoEbpf } from '../bpf/live-kernel.ts';
import type { ChildNode } from './child-node.ts';
import { children, closeAll, withPorts } from './machine.ts';

const closing: (() => void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await closeAll();
});

/** Above those that Node.js itself has open, and up to several times the size of its table. */
const [fdMin, fdMax] = [64, 2100];

/** Has a listener and a file, and puts one of them under an fd, or nothing. */
const script = `
  const library = require('koffi').load(null);
  const dup2 = library.func('int dup2(int, int)');
  const close = library.func('int close(int)');
  const file = require('node:fs').openSync('/dev/null');
  const server = require('node:net').createServer();
  process.on('message', (message) => {
    const [what, fd] = message.split(' ');
    const from = what === 'socket' ? server._handle.fd : file;
    if (what === 'nothing') close(Number(fd));
    else if (dup2(from, Number(fd)) < 0) throw new Error('no dup2');
    console.log('done');
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port, server._handle.fd));`;

type What = 'socket' | 'file' | 'nothing';

/** The child, a collector that reads everything only once, and what the child has open. */
class Place {
  readonly #child: ChildNode;
  readonly #collector: EbpfCollector;
  readonly #port: number;
  /** Fds of the listener. */
  readonly #expected: Set<number>;

  private constructor(child: ChildNode, collector: EbpfCollector, port: number, fd: number) {
    this.#child = child;
    this.#collector = collector;
    this.#port = port;
    this.#expected = new Set([fd]);
  }

  static async open(): Promise<Place> {
    const child = children.start(script, { extraFds: ['ipc'] });
    const [port, fd] = (await child.line()).split(' ').map(Number);
    const collector = await createEbpfCollector({ everythingIntervalMs: Number.POSITIVE_INFINITY });
    closing.push(() => collector.close());
    for (let i = 0; i < 3; i++) await collector.scan();
    return new Place(child, collector, port!, fd!);
  }

  async put(what: What, fd: number): Promise<void> {
    this.#child.send(`${what} ${fd}`, undefined);
    await this.#child.line();
    if (what === 'socket') this.#expected.add(fd);
    else this.#expected.delete(fd);
  }

  async expectShown(): Promise<void> {
    const shown = withPorts(await this.#collector.scan(), this.#port, 0).flatMap(({ owners }) => owners);
    expect(shown.map(({ process, fds }) => [process.pid, fds])).toEqual([
      [this.#child.pid, [...this.#expected].toSorted((a, b) => a - b)],
    ]);
  }

  /** As it was at first. */
  async clear(): Promise<void> {
    for (const fd of this.#expected) if (fd >= fdMin) await this.put('nothing', fd);
    await this.expectShown();
  }
}

describe.skipIf((await whyNoEbpf()) !== null)('a socket in a large table of fds', () => {
  let place: Place;

  beforeEach(async () => {
    place = await Place.open();
  });

  it('shows at the edges of the groups and words in which slots are looked at', async () => {
    for (const fd of [64, 71, 72, 127, 128, 255, 256, 511, 512, 1023, 1024, 2047, 2048, fdMax]) {
      await place.put('socket', fd);
      await place.expectShown();
    }
    for (const fd of [128, 64, fdMax, 1023]) {
      await place.put('nothing', fd);
      await place.expectShown();
    }
  });

  it('shows where another file was before, and no more where another one is', async () => {
    for (const fd of [100, 1000]) {
      for (const what of [
        'file',
        'socket',
        'file',
        'nothing',
        'file',
        'nothing',
        'socket',
        'nothing',
      ] as const) {
        await place.put(what, fd);
        await place.expectShown();
      }
    }
  });

  it('shows whatever is opened and closed where', async () => {
    const step = fc.record({
      what: fc.constantFrom<What>('socket', 'file', 'nothing'),
      // Few, so that they meet.
      fd: fc.integer({ min: 0, max: 40 }).map((n) => fdMin + ((n * 997) % (fdMax - fdMin))),
      isLooked: fc.boolean(),
    });
    const steps = fc.array(step, { minLength: 5, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, async (chosen) => {
        for (const { what, fd, isLooked } of chosen) {
          await place.put(what, fd);
          if (isLooked) await place.expectShown();
        }
        await place.clear();
      }),
      { numRuns: 20 },
    );
  });
});
