/** The counters of both ends as one account, on the connection and on its edge. */
import { expect, test } from 'vitest';
import type { SocketCounters } from '../../../model/socket-counters.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

const counted = (bytesSent: number, bytesReceived: number, rttUs = 0): SocketCounters => {
  return { bytesSent, bytesReceived, rttUs, retransmits: 2 };
};

function connectedFleet() {
  const fleet = new ReportedFleet();
  const [web, db] = [
    fleet.host('web', { addresses: ['10.0.0.1'] }),
    fleet.host('db', { addresses: ['10.0.0.2'] }),
  ];
  fleet.open(db, '10.0.0.2:5432', '0.0.0.0:0', { state: 'listen', program: 'postgres' });
  const client = fleet.open(web, '10.0.0.1:40000', '10.0.0.2:5432', { program: 'shop' });
  const server = fleet.open(db, '10.0.0.2:5432', '10.0.0.1:40000', { program: 'postgres' });
  const count = (socket: typeof client, counters: SocketCounters): void => {
    socket.counters = counters;
    fleet.view.reports.counted(socket, fleet.nowMs);
  };
  const traffic = () => [...fleet.view.connections()][0]!.traffic;
  const edge = () => {
    const { bytesToServer, bytesToClient } = [...fleet.view.edges()][0]!;
    return [bytesToServer, bytesToClient];
  };
  return { fleet, client, server, count, traffic, edge };
}

test('nobody counted: nothing is known', () => {
  const { traffic, edge } = connectedFleet();
  expect(traffic()).toEqual({ bytesToServer: null, bytesToClient: null, rttUs: null, retransmits: null });
  expect(edge()).toEqual([null, null]);
});

test('one end tells both ways; its SYN is no payload', () => {
  const { client, count, traffic, edge } = connectedFleet();
  count(client, counted(101, 50, 300));
  expect(traffic()).toEqual({ bytesToServer: 100, bytesToClient: 50, rttUs: 300, retransmits: 2 });
  expect(edge()).toEqual([100, 50]);
});

test('of both ends the later account of each way holds, and the edge counts it once', () => {
  const { client, server, count, traffic, edge } = connectedFleet();
  count(client, counted(101, 50));
  count(server, counted(80, 90, 700));
  expect(traffic()).toEqual({ bytesToServer: 100, bytesToClient: 80, rttUs: 700, retransmits: 4 });
  count(client, counted(301, 80));
  expect(edge()).toEqual([300, 80]);
});

test('what is closed keeps its bytes in the edge', () => {
  const { fleet, client, server, count, edge } = connectedFleet();
  count(client, counted(101, 50));
  for (const socket of [client, server]) {
    socket.closedAtMs = fleet.nowMs;
    fleet.view.reports.closed(socket, fleet.nowMs);
  }
  fleet.view.correlator.sweep(fleet.nowMs + 3_600_000);
  expect([...fleet.view.connections()]).toEqual([]);
  expect(edge()).toEqual([100, 50]);
});
