/** Connections of one address: as many as may be, each counted while it lasts, and those of this machine never. */
import { Server, Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { AuditEvent } from '../../../aggregator/security/audit.ts';
import { limitConnections } from '../../../aggregator/security/connection-limit.ts';

function doorOf(max: number) {
  const told: AuditEvent[] = [];
  const server = new Server();
  limitConnections(server, (event) => told.push(event), max);
  const come = (remoteAddress: string): Socket => {
    const socket = Object.defineProperties(new Socket(), {
      remoteAddress: { value: remoteAddress },
      remotePort: { value: 4000 },
    });
    server.emit('connection', socket);
    return socket;
  };
  return { told, come };
}

test('what is beyond is closed at once, and there is room again when one ended', async () => {
  const { told, come } = doorOf(2);
  const [first, second, third] = [come('10.0.0.1'), come('::ffff:10.0.0.1'), come('10.0.0.1')];
  expect([first, second, third].map(({ destroyed }) => destroyed)).toEqual([false, false, true]);
  expect(come('10.0.0.2').destroyed).toBe(false);
  expect(told).toEqual([
    {
      kind: 'refused',
      reason: 'too-many',
      subject: null,
      peer: '10.0.0.1:4000',
      detail: '2 connections of 10.0.0.1 are open already: this one was closed',
    },
  ]);
  const closed = new Promise((resolve) => first.once('close', resolve));
  first.destroy();
  await closed;
  expect(come('10.0.0.1').destroyed).toBe(false);
  expect(come('10.0.0.1').destroyed).toBe(true);
});

test('this machine has as many as it likes', () => {
  const { told, come } = doorOf(1);
  const sockets = ['127.0.0.1', '::1', '127.8.9.1', '127.0.0.1'].map(come);
  expect(sockets.some(({ destroyed }) => destroyed)).toBe(false);
  expect(told).toEqual([]);
});
