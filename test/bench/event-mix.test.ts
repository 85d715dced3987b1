/** The events that the benchmark of ingest sends: the same facts as columns and as rows. */
import { expect, test } from 'vitest';
import { columnsOf, mixes, rowsOf } from '../../bench/support/ingest/event-mix.ts';
import { decodeAgentMessage, encodeAgentMessage } from '../../wire/agent-message.ts';
import { ipv4FromNumber, unpackPorts } from '../../wire/packing.ts';

test('columns are messages of the wire, and rows tell the same of the same sockets', () => {
  const decoded = decodeAgentMessage(encodeAgentMessage(columnsOf(mixes.tick, 3)));
  const rows = rowsOf(mixes.tick, 3);
  const ofKind = (kind: string): typeof rows => rows.filter((row) => row.kind === kind);
  const { opens, closes, counters } = decoded;
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
  expect(Array.from(counters.sent, (sent, i) => [sent, counters.received[i], counters.rttUs[i]])).toEqual(
    ofKind('KIND_COUNT').map(({ bytesSent, bytesReceived, rttUs }) => [bytesSent, bytesReceived, rttUs]),
  );
});
