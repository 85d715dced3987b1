/** A connection that two processes pass to each other without a pause (SCM_RIGHTS): whoever is told to hold it is one of them. */
import { afterEach, describe, expect, it } from 'vitest';
import { Place } from '../../support/faults/place.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { workingRungs } from '../collect/machine.ts';

/** Prints the pids of the two when the connection is on its way. */
const pingPong = `
  const { spawn } = require('node:child_process');
  const net = require('node:net');
  if (process.argv[1] === 'peer') {
    process.on('message', (_, ball) => process.send('ball', ball));
  } else {
    const argv = ['-e', process.env.PING_PONG, 'peer'];
    const peer = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    let passes = 0;
    peer.on('message', (_, ball) => {
      peer.send('ball', ball);
      if (++passes === 10) console.log(process.pid, peer.pid);
    });
    net.createServer(() => {}).listen(18083, '127.0.0.1', () => {
      const ball = net.connect({ port: 18083, host: '127.0.0.1', localPort: 28083 }, () => peer.send('ball', ball));
    });
  }
`;

const scans = 25;

describe.runIf(canMakeNamespaces)('a connection that is passed to and fro', () => {
  let place: Place | null = null;

  afterEach(() => place?.close());

  it(`has no third owner by ${workingRungs.join(', ')}`, async () => {
    place = await Place.open();
    const players = place.start(['env', `PING_PONG=${pingPong}`, process.execPath, '-e', pingPong]);
    const pids = (await players.line()).split(' ');
    for (const rung of workingRungs) {
      const scan = await place.scanner(rung).scan(scans);
      const told = scan.owners.map((owner) => owner.split(' ')).filter(([, , , port]) => port === '28083');
      const strangers = told.filter(([, pid]) => !pids.includes(pid!));
      expect([rung, strangers]).toEqual([rung, []]);
      expect(told.length).toBeGreaterThan(0);
      // On its way between the two it is held by nobody, and there all the same.
      expect(scan.sockets.filter(({ local }) => local.port === 28083)).toHaveLength(1);
    }
  }, 120_000);
});
