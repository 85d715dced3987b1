/** One message of an agent by itself, in memory of its own. */
import type { AgentBatch } from '../../wire/agent-batch.ts';
import { AgentMessageDecoder } from '../../wire/agent-message.ts';

/** Throws as AgentMessageDecoder. */
export function decodeAgentMessage(bytes: Buffer): AgentBatch {
  return new AgentMessageDecoder().decode(bytes);
}
