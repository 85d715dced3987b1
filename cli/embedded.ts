/** An aggregator inside this process: as `aggregator` runs it, and for `up` and `demo` with ports that give way. */

import type { Logger } from 'pino';
import type { AggregatorConfig } from '../aggregator/config.ts';
import { DataFolderError } from '../aggregator/journal/kept-folder.ts';
import { type Aggregator, startAggregator } from '../aggregator/run.ts';
import { AuthorityError } from '../aggregator/security/authority.ts';
import { isLoopbackHost, parseHostPort } from '../wire/host-port.ts';
import type { AggregatorSettings } from './daemon-settings.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { freeAddress } from './free-address.ts';
import { type CliIo, note } from './io.ts';
import { silenceGrpc } from './silence-grpc.ts';

/**
 * Starts an aggregator. Throws BindError when an address cannot be had, and CliFailure for a data folder or certificates that
 * cannot be used.
 */
export async function startServing(io: CliIo, config: AggregatorConfig, log: Logger): Promise<Aggregator> {
  silenceGrpc(io.env);
  try {
    return await startAggregator(config, { log });
  } catch (error) {
    const isExpected = error instanceof DataFolderError || error instanceof AuthorityError;
    throw isExpected ? new CliFailure(exitCodes.error, error.message) : error;
  }
}

/** On default addresses where none was chosen, or next to them. Throws BindError when a chosen one is taken. */
export async function startEmbedded(
  io: CliIo,
  settings: AggregatorSettings,
  log: Logger,
): Promise<Aggregator> {
  const { config, isListenChosen, isHttpChosen } = settings;
  const listen = isListenChosen ? config.listen : await freeAddress(config.listen);
  const http = isHttpChosen ? config.http : await freeAddress(config.http);
  // On loopback everything is allowed, and nothing has to be set up.
  const isExposed = ![listen, http].every((address) => isLoopbackHost(parseHostPort(address).host));
  const security = isExposed ? config.security : null;
  const aggregator = await startServing(io, { ...config, listen, http, security }, log);
  sayMoved(io, config.listen, listen);
  sayMoved(io, config.http, http);
  return aggregator;
}

function sayMoved(io: CliIo, wanted: string, taken: string): void {
  if (wanted !== taken) note(io, `${wanted} is in use, so ${taken} is taken instead`);
}

/** The lines that say where everything is. */
export function addressLines({ grpcAddress, httpAddress, isTls }: Aggregator): string {
  const scheme = isTls ? 'https' : 'http';
  return [
    `  page  ${scheme}://${httpAddress}/\n`,
    `  API   ${scheme}://${httpAddress}/api/v1/connections\n`,
    `  gRPC  ${grpcAddress}\n`,
  ].join('');
}

/** ` --server ADDRESS` where the default would not find it. */
export function serverFlag({ grpcAddress }: Aggregator, defaultAddress: string): string {
  return grpcAddress === defaultAddress ? '' : ` --server ${grpcAddress}`;
}
