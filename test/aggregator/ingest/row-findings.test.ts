/** The NAT section of a message: what each slot is to its conversation, and what is refused. */
import { expect, test } from 'vitest';
import { StreamDictionary } from '../../../aggregator/ingest/dictionary.ts';
import { resolveTranslations } from '../../../aggregator/ingest/row-findings.ts';
import { agentBatch } from '../../../wire/agent-batch.ts';
import { packPorts } from '../../../wire/packing.ts';
import { natRoles } from '../../../wire/protocol.ts';

function resolve(nat: { slot: number[]; role: number[] }, stageSlots: number[], v6 = 0) {
  const stages = {
    slot: stageSlots,
    localAddress: stageSlots.map((_, n) => 0x0a000001 + n),
    remoteAddress: stageSlots.map(() => 0x0a000009),
    ports: stageSlots.map((_, n) => packPorts(40_000 + n, 80)),
    v6: stageSlots.map(() => v6),
  };
  return resolveTranslations(agentBatch({ nat, stages }), new StreamDictionary());
}

test('stages go to their slots in order', () => {
  const found = resolve({ slot: [7, 8], role: [natRoles.client, natRoles.server] }, [7, 7]);
  expect([...found.translations]).toEqual([
    [
      7,
      {
        role: 'client',
        stages: [
          { local: { ip: '10.0.0.1', port: 40_000 }, remote: { ip: '10.0.0.9', port: 80 } },
          { local: { ip: '10.0.0.2', port: 40_001 }, remote: { ip: '10.0.0.9', port: 80 } },
        ],
      },
    ],
    [8, { role: 'server', stages: [] }],
  ]);
  expect(found.forwards.size).toBe(0);
});

test.each([
  [{ slot: [7], role: [1] }, [8], 0, 'unknown-role: stages of slot 8 without a role'],
  [{ slot: [7], role: [3] }, [], 0, 'unknown-role: slot 7 is passed on in 0 stages'],
  [{ slot: [7], role: [3] }, [7, 7], 0, 'unknown-role: slot 7 is passed on in 2 stages'],
  [{ slot: [7], role: [1] }, [7], 1, 'unknown-id: address 167772161 was never defined on this stream'],
])('%j with stages of %j is refused', (nat, stageSlots, v6, message) => {
  expect(() => resolve(nat, stageSlots, v6)).toThrow(message);
});
