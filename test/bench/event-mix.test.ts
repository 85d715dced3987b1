/** The events that the benchmark of ingest sends: the same facts as columns and as rows. */
import { expect, test } from 'vitest';
import { columnsOf, lookTurns, mixes, rowsOf } from '../../bench/support/ingest/event-mix.ts';
import { encodeAgentMessage } from '../../wire/agent-message.ts';
import { ipv4FromNumber, unpackPorts } from '../../wire/packing.ts';
import { decodeAgentMessage } from '../support/decoded.ts';

test('columns are messages of the wire, and rows tell the same of the same sockets', () => {
  const decoded = decodeAgentMessage(encodeAgentMessage(columnsOf(mixes.tick, 3)));
  const rows = rowsOf(mixes.tick, 3);
  const ofKind = (kind: string): typeof rows => rows.filter((row) => row.kind === kind);
  const { opens, closes } = decoded;
  expect(closes.slot).toHaveLength(ofKind('KIND_CLOSE').length);
  expect(
    Array.from(opens.slot, (_, i) => ({
      localIp: ipv4FromNumber(opens.localAddress[i]!),
      remoteIp: ipv4FromNumber(opens.remoteAddress[i]!),
      ports: unpackPorts(opens.ports[i]!),
      inode: opens.inode[i],
      fd: opens.fd[i],
      atUnixMs: decoded.baseUnixMs - opens.ageMs[i]!,
    })),
  ).toEqual(
    ofKind('KIND_OPEN').map(({ localIp, remoteIp, localPort, remotePort, inode, fd, atUnixMs }) => ({
      localIp,
      remoteIp,
      ports: { local: localPort, remote: remotePort },
      inode,
      fd,
      atUnixMs,
    })),
  );
});

test('what has grown is what the rows of the same sockets tell more than before', () => {
  const { grown } = columnsOf(mixes.tick, 3);
  const counted = (number: number) => rowsOf(mixes.tick, number).filter(({ kind }) => kind === 'KIND_COUNT');
  const before = new Map(counted(3 - lookTurns).map((row) => [row.inode, row]));
  const now = counted(3);
  expect(now).toHaveLength(grown.slot.length);
  expect(Array.from(grown.slot, (_, i) => [grown.sent[i], grown.received[i], grown.rttUs[i]])).toEqual(
    now.map(({ inode, bytesSent, bytesReceived, rttUs }) => {
      const { bytesSent: sent, bytesReceived: received } = before.get(inode)!;
      return [bytesSent - sent, bytesReceived - received, rttUs];
    }),
  );
});
