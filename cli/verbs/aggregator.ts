/** `whotalks aggregator`: the aggregator, until it is told to stop. */
import { aggregatorSettingsOf } from '../daemon-settings.ts';
import { startServing } from '../embedded.ts';
import { type ExitCode, endOfDaemon } from '../exit.ts';
import { type Invocation, warnIfExposed } from '../invocation.ts';
import { stopped } from '../io.ts';
import { createDaemonLog } from '../log.ts';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io } = invocation;
  const { config } = aggregatorSettingsOf(invocation);
  warnIfExposed(io, '--listen', config.listen, config.insecure);
  warnIfExposed(io, '--http', config.http, config.insecure);
  const aggregator = await startServing(io, config, createDaemonLog(io));
  await stopped(io.signal);
  await aggregator.close();
  return endOfDaemon(io.signal);
}
