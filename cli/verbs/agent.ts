/** `whotalks agent`: the agent of this host, until it is told to stop. */
import { join } from 'node:path';
import type { AgentConfig, AgentTls } from '../../agent/config.ts';
import { runAgent } from '../../agent/run.ts';
import { giveMemoryBack, tuneV8 } from '../../agent/small-heap.ts';
import { agentConfigOf } from '../daemon-settings.ts';
import { type ExitCode, endOfDaemon } from '../exit.ts';
import { openHostCollector } from '../host-collector.ts';
import { openHostEvents } from '../host-events.ts';
import { type Invocation, warnIfExposed } from '../invocation.ts';
import { agentFolder, aggregatorFolder } from '../kept-places.ts';
import { createDaemonLog } from '../log.ts';
import { requireProcfs } from '../require-procfs.ts';
import { tlsOfThisMachine } from '../same-machine.ts';

/** On the machine of its aggregator an agent needs no flags, whether that speaks TLS or not. */
async function tlsIfWanted({ io }: Invocation, { insecure, spool }: AgentConfig): Promise<AgentTls | null> {
  if (insecure) return null;
  return tlsOfThisMachine(
    { folder: join(aggregatorFolder(null, io.env), 'security') },
    spool?.folder ?? agentFolder(null, io.env),
  );
}

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io } = invocation;
  tuneV8('firstScan');
  await giveMemoryBack(io.signal);
  const asked = agentConfigOf(invocation);
  const config = { ...asked, tls: asked.tls ?? (await tlsIfWanted(invocation, asked)) };
  requireProcfs(config.procRoot);
  warnIfExposed(io, '--server', config.server, config.insecure);
  const events = await openHostEvents(config);
  const collector = await openHostCollector(config.source, config);
  const afterFirstScan = (): void => tuneV8('laterScans');
  await runAgent(config, { collector, events, log: createDaemonLog(io), signal: io.signal, afterFirstScan });
  return endOfDaemon(io.signal);
}
