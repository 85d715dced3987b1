/** The kernel's rarer answers to questions about conntrack, and what becomes of its events when there are too many. */
import { describe, expect, it } from 'vitest';
import { ConntrackEvents } from '../../../agent/netlink/conntrack-events.ts';
import {
  type ConntrackAnswer,
  ConntrackRefusedError,
  ConntrackSocket,
} from '../../../agent/netlink/conntrack-socket.ts';
import { parseEndpoint } from '../../../model/endpoint.ts';
import { entryMessage, entryOf, errorMessage } from './conntrack-messages.ts';
import { exchangeThatReceives, type Receipt } from './fake-datagrams.ts';

const entry = entryOf('10.0.0.1:1 -> 10.0.0.2:2', '10.0.0.2:2 -> 10.0.0.1:1');
const question = {
  protocol: 'tcp',
  tuple: { local: parseEndpoint('10.0.0.1:1')!, remote: parseEndpoint('10.0.0.2:2')! },
} as const;

const ENOENT = 2;
const EPERM = 1;
const ENOBUFS = 105;

/** Answers to `count` questions, whose sequence numbers begin with 0. */
function ask(count: number, receipts: readonly Receipt[]): ConntrackAnswer[] {
  const { exchange } = exchangeThatReceives(receipts);
  return ConntrackSocket.open(exchange).ask(Array.from({ length: count }, () => question));
}

describe('answers', () => {
  it('stand at the places of their questions, in whatever order and however many at a time they come', () => {
    const receipts = [[errorMessage(ENOENT, 2)], [entryMessage(entry, 1), errorMessage(ENOENT, 0)]];
    expect(ask(3, receipts)).toEqual(['none', entry, 'none']);
  });

  it('to earlier questions are passed over', () => {
    const receipts = [[entryMessage(entry, 0xffff_ffff), entryMessage(entry, 7), errorMessage(ENOENT, 0)]];
    expect(ask(1, receipts)).toEqual(['none']);
  });

  it.each<[string, readonly Receipt[]]>([
    ['that do not come', []],
    ['that are lost, as the queue was full', [ENOBUFS]],
    ['of another kind', [[errorMessage(22, 0)]]],
    ['that do not fit', [[Buffer.concat([entryMessage(entry, 0), Buffer.alloc(1024)])]]],
    ['shorter than a header', [[Buffer.alloc(3)]]],
    ['that cannot be parsed', [[entryMessage(entry, 0).subarray(0, 60)]]],
  ])('%s are none', (_name, receipts) => {
    expect(ask(1, receipts)).toEqual(['unanswered']);
  });

  it('of an agent without the capability are an error', () => {
    expect(() => ask(1, [[errorMessage(EPERM, 0)]])).toThrow(ConntrackRefusedError);
  });
});

describe('the number of entries', () => {
  it.each<[string, readonly Receipt[]]>([
    ['cannot count conntrack entries: no answer', []],
    ['cannot ask conntrack: EPERM', [[errorMessage(EPERM, 0)]]],
  ])('%s', (message, receipts) => {
    const { exchange } = exchangeThatReceives(receipts);
    expect(() => ConntrackSocket.open(exchange).count()).toThrow(message);
  });
});

describe('events', () => {
  it('come with the news that some were lost', () => {
    const { exchange, options } = exchangeThatReceives([
      [entryMessage(entry)],
      ENOBUFS,
      [entryMessage(entry)],
    ]);
    const events = ConntrackEvents.open(exchange);
    // SO_RCVBUFFORCE, SO_ATTACH_FILTER with nine instructions, NETLINK_ADD_MEMBERSHIP of the group of new entries.
    expect(Object.fromEntries(options)).toEqual({ 33: 8 << 20, 26: 9, 1: 1 });
    expect(events.take()).toEqual({ entries: [entry, entry], isLossy: true });
    expect(events.take()).toEqual({ entries: [], isLossy: false });
  });

  it('that are none, or cannot be parsed, are left out', () => {
    const broken = entryMessage(entry).subarray(0, 60);
    const { exchange } = exchangeThatReceives([[errorMessage(0), broken, entryMessage(entry)]]);
    expect(ConntrackEvents.open(exchange).take()).toEqual({ entries: [entry], isLossy: false });
    expect(exchange.malformedTotal).toBe(1);
  });
});
