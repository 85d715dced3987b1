/** What an agent promises of itself. */
import type { BoundedTable } from '../../agent/bounded-table.ts';
import type { Pipeline } from '../../agent/pipeline.ts';
import { sendWindowBytes } from '../../wire/agent-limits.ts';
import { maxMessageBytes } from '../../wire/protocol.ts';
import { demand } from './invariants.ts';

/** I12, of an agent. */
export function demandAgentBounds(pipeline: Pipeline, who: string): void {
  for (const { name, size, limit } of tablesOf(pipeline)) {
    // The message that crosses the window's limit of bytes is the last.
    const most = name === 'bytes_in_flight' ? sendWindowBytes + maxMessageBytes : limit;
    demand(size <= most, 'I12', () => `${who}: ${name} has ${size} of ${most}`);
  }
}

function tablesOf({ watch, shortLived, slots, builder, gaps, stream }: Pipeline): readonly BoundedTable[] {
  return [watch, shortLived, slots, builder, gaps, stream].flatMap(({ tables }) => tables);
}
