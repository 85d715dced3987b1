/** A checkpoint comes back as it was, and one that is cut or flipped anywhere is none. */
import { describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
} from '../../../aggregator/journal/checkpoint.ts';

const host = {
  id: 'h1',
  name: 'web',
  realm: 'default',
  labels: [['tier', 'web']],
  state: 'lost',
  collector: 'ebpf',
  events: '',
  cannotSee: [],
  agentVersion: '0.1.0',
  intervalMs: 1000,
  gaps: [{ fromMs: 1, toMs: 2, reason: 'x', lostEvents: 3 }],
  lastSeenMs: 9,
  awaySinceMs: null,
  agent: {
    epoch: 2,
    told: [{ epoch: 2, sockets: [1, 5], gaps: [] }],
    lostBefore: 0,
    lostInEpoch: 1,
    applied: { epoch: 2, bootId: 'b' },
    table: { epoch: 2, bootId: 'b' },
  },
} as const;

const checkpoint: Checkpoint = {
  segment: 12,
  atMs: 77,
  sinceMs: 5,
  edges: [['default', 'shop', 'store', 5432, 'tcp', 1, 2, 3, 4, 5, null, 6]],
  hosts: [host],
};

describe('a checkpoint', () => {
  it('comes back as it was, however long', () => {
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint))).toEqual(checkpoint);
    const edges = Array.from({ length: 5_000 }, (_, i) => {
      return [
        'default',
        `client ${i} ${'x'.repeat(100)}`,
        'store',
        i,
        'udp',
        1,
        2,
        3,
        4,
        5,
        6,
        null,
      ] as const;
    });
    expect(decodeCheckpoint(encodeCheckpoint({ ...checkpoint, edges }))).toEqual({ ...checkpoint, edges });
    const empty = { ...checkpoint, edges: [], hosts: [] };
    expect(decodeCheckpoint(encodeCheckpoint(empty))).toEqual(empty);
  });

  it('that is cut anywhere is damaged', () => {
    const bytes = encodeCheckpoint(checkpoint);
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeCheckpoint(bytes.subarray(0, length))).toBe('damaged');
    }
  });

  it('of which any bit is flipped is damaged', () => {
    const bytes = encodeCheckpoint(checkpoint);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      expect(decodeCheckpoint(flipped)).toBe('damaged');
    }
  });
});
