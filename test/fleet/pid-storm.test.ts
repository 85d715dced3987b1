/**
 * The whole way, from the agent's scans and events to what the aggregator answers, in a storm of pids: no connection and
 * no listener has a process that did not hold it.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { judge, PidStorm } from '../support/faults/pid-storm.ts';
import { type Inhabitant, Place, repository } from '../support/faults/place.ts';
import { canMakeNamespaces } from '../support/fleet/namespace.ts';
import { until } from '../support/until.ts';

/** The storm goes on until so many owners were told, and so many processes were there. */
const ownersMin = 120;
const processesMin = 1000;

/**
 * Asks the page's API again and again. Prints a line for the first answer; at the end of its input, all owners that it
 * was told of as JSON, and now and then how many there are.
 */
const asker = `
  const owners = new Set();
  let looked = 0;
  let isOver = false;
  process.stdin.resume().on('end', () => { isOver = true; });
  const ask = async (what) => (await fetch('http://127.0.0.1:7480/api/v1/' + what + '?limit=100000')).json();
  const note = (end) => {
    if ([7443, 7480].includes(end.port)) return;
    // Events tell of connections without their inodes.
    const socket = end.inode ?? ':' + end.port;
    for (const { pid, process } of end.owners) owners.add([socket, pid, process, end.port].join(' '));
  };
  (async () => {
    while (!isOver) {
      try {
        const { connections } = await ask('connections');
        const { listeners } = await ask('listeners');
        for (const { client, server } of connections) {
          if (server.port !== 7443 && server.port !== 7480) [client, server].forEach(note);
        }
        listeners.forEach(note);
        if (++looked === 1) console.log('up');
        else console.log(JSON.stringify({ count: owners.size }));
      } catch (error) {
        if (looked > 0) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    console.log(JSON.stringify({ count: owners.size, owners: [...owners] }));
  })();
`;

interface Told {
  readonly count: number;
  readonly owners?: readonly string[];
}

describe.runIf(canMakeNamespaces)('in a storm of pids', () => {
  let place: Place | null = null;

  afterEach(() => place?.close());

  /** The first answer that is enough. */
  async function hear(answers: Inhabitant, isEnough: (told: Told) => boolean): Promise<Told> {
    for (;;) {
      const told = JSON.parse(await answers.line()) as Told;
      if (isEnough(told)) return told;
    }
  }

  test.each([
    ['ebpf', 'auto'],
    ['sockdiag', 'off'],
  ])('by %s, events %s, the aggregator tells no wrong owner', async (source, events) => {
    place = await Place.open();
    const program = [
      process.execPath,
      `${repository}bin/whotalks`,
      'up',
      '--interval',
      '100ms',
      '--cpu-max',
      '0',
    ];
    const environment = ['env', 'XDG_STATE_HOME=/mnt', 'XDG_CONFIG_HOME=/mnt'];
    place.start([...environment, ...program, '--source', source, '--events', events]);
    const answers = place.start([process.execPath, '-e', asker]);
    expect(await answers.line()).toBe('up');
    const storm = await PidStorm.start(place);
    await hear(answers, ({ count }) => count >= ownersMin);
    await until('there were enough of them', () => storm.processes() >= processesMin);
    const log = await storm.end();
    answers.endInput();
    const { owners } = await hear(answers, (told) => told.owners !== undefined);
    const { judged, wrong } = judge(owners!, log, place);
    expect(wrong).toEqual([]);
    expect(judged).toBeGreaterThan(20);
  });
});
