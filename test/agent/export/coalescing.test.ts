/** Rows wait for each other: counted in messages over a real stream to a real server, and as rules alone. */
import { afterEach, describe, expect, test } from 'vitest';
import { batchEventsMin, Coalescing, eventMessagesMs } from '../../../agent/export/coalescing.ts';
import { type Connect, connectPlaintext } from '../../../agent/export/connection.ts';
import { type IngestServer, startIngest } from '../../aggregator/ingest/grpc-link.ts';
import { createTestAgent, type TestAgent } from '../../aggregator/ingest/in-memory-link.ts';
import { decodeAgentMessage } from '../../support/decoded.ts';
import { until } from '../../support/until.ts';
import { opened } from './sockets.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Watched {
  readonly agent: TestAgent;
  readonly server: IngestServer;
  /** Rows opened by each message that has a number. */
  readonly messages: number[];
  /** Lets the agent's clock go on. */
  readonly pass: (ms: number) => void;
  /** Opens so many sockets in the slot table. */
  readonly open: (count: number) => void;
}

/** An agent that is in step with a real server; what it wrote before is not counted. */
async function inStep(): Promise<Watched> {
  const server = await startIngest();
  cleanups.push(() => server.close());
  const messages: number[] = [];
  const connect: Connect = (endpoint, listener) => {
    const connection = connectPlaintext(endpoint, listener);
    return {
      write: (bytes) => {
        const { seq, opens } = decodeAgentMessage(Buffer.from(bytes));
        if (seq > 0) messages.push(opens.slot.length);
        return connection.write(bytes);
      },
      get isBlocked() {
        return connection.isBlocked;
      },
      finish: () => connection.finish(),
      cancel: () => connection.cancel(),
    };
  };
  let nowMs = Date.now();
  const agent = createTestAgent(connect, () => nowMs, { server: server.address });
  cleanups.push(() => {
    const closed = agent.stream.close();
    // It waits for the server's last word by a clock that nothing else moves.
    nowMs += 60_000;
    return closed;
  });
  agent.stream.start();
  await until('agent is in step', () => agent.stream.state.kind === 'streaming');
  messages.length = 0;
  let lastId = 0;
  return {
    agent,
    server,
    messages,
    pass: (ms) => {
      nowMs += ms;
    },
    open: (count) => {
      for (let n = 0; n < count; n++) agent.slots.apply(opened(++lastId));
    },
  };
}

describe('over a real stream', () => {
  test('a tick is one message, also when acknowledgements and events come while it is taken in', async () => {
    const { agent, server, messages, open } = await inStep();
    open(3);
    agent.stream.flush();
    agent.stream.tickBegins();
    open(200);
    await until('the message before is acknowledged', () => agent.stream.inFlight.batches === 0);
    agent.stream.offer(1);
    open(200);
    expect(messages).toEqual([3]);
    agent.stream.flush();
    expect(messages).toEqual([3, 400]);
    await until('all are open', () => server.ledger.openPorts.length === 403);
  });

  test('a lone event goes at once, and those of the next second go together', async () => {
    const { agent, server, messages, open, pass } = await inStep();
    // Looks of the feed, 100 ms apart: each has an event but for the last five.
    for (let look = 0; look < 30; look++) {
      const rows = look < 25 ? 1 : 0;
      open(rows);
      agent.stream.offer(rows);
      pass(100);
    }
    expect(messages).toEqual([1, 10, 10]);
    pass(100);
    agent.stream.offer(0);
    expect(messages).toEqual([1, 10, 10, 4]);
    await until('all are open', () => server.ledger.openPorts.length === 25);
  });

  test('a tick takes along what waits', async () => {
    const { agent, messages, open } = await inStep();
    for (const rows of [1, 2, 3]) {
      open(rows);
      agent.stream.offer(rows);
    }
    agent.stream.tickBegins();
    open(4);
    agent.stream.flush();
    expect(messages).toEqual([1, 9]);
  });

  test('many rows wait for nothing', async () => {
    const { agent, server, messages, open } = await inStep();
    for (let look = 0; look < 4; look++) {
      open(batchEventsMin / 2);
      agent.stream.offer(batchEventsMin / 2);
    }
    expect(messages).toEqual([250, 500]);
    agent.stream.tickBegins();
    agent.stream.offer(batchEventsMin / 2);
    open(batchEventsMin);
    agent.stream.offer(0);
    expect(messages).toEqual([250, 500, 750]);
    await until('all are open', () => server.ledger.openPorts.length === 1500);
  });

  test('what finds the window closed goes as that opens, and nothing is left', async () => {
    const { agent, server, messages, open } = await inStep();
    for (let n = 1; n <= 200; n++) {
      open(1);
      agent.stream.flush();
    }
    expect(messages.length).toBeLessThan(200);
    await until('all are open', () => server.ledger.openPorts.length === 200);
    expect(messages.reduce((sum, rows) => sum + rows, 0)).toBe(200);
  });
});

describe('the rules', () => {
  test('without events an offer is nothing, however long ago the last ones went', () => {
    const coalescing = new Coalescing();
    expect(coalescing.offer(0, 3, 0)).toBe(false);
    expect(coalescing.offer(0, batchEventsMin, 10 * eventMessagesMs)).toBe(false);
  });

  test('what was told all is not due again before there is more', () => {
    const coalescing = new Coalescing();
    coalescing.tickBegins();
    expect(coalescing.mayGo(3)).toBe(false);
    expect(coalescing.mayGo(batchEventsMin)).toBe(true);
    coalescing.tickEnds();
    expect(coalescing.mayGo(3)).toBe(true);
    coalescing.allTold();
    expect(coalescing.mayGo(3)).toBe(false);
  });
});
