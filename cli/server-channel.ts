/** How a command speaks to the aggregator: in plaintext on loopback, over TLS everywhere else, and as its flags say. */
import { readFileSync } from 'node:fs';
import { type ClientChannel, plaintextChannel, tlsChannel } from '../wire/tls-client.ts';
import { decodePem } from '../wire/x509/pem.ts';
import { usageFailure } from './exit.ts';
import { type CommonSettings, isLoopbackAddress } from './invocation.ts';

type ChannelSettings = Pick<CommonSettings, 'server' | 'insecure' | 'ca'>;

export function isTls({ server, insecure, ca }: ChannelSettings): boolean {
  return !insecure && (ca !== null || !isLoopbackAddress(server));
}

/** Throws a usage failure for a CA that cannot be used. */
export function channelTo(settings: ChannelSettings): ClientChannel {
  if (!isTls(settings)) return plaintextChannel;
  const { server, ca } = settings;
  return tlsChannel(server, { ca: ca === null ? null : readCa(ca), own: null });
}

function readCa(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw usageFailure(`--ca ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  if (decodePem('CERTIFICATE', text).length > 0) return text;
  throw usageFailure(`--ca ${path}: there is no certificate in it; it wants ca.crt of the aggregator`);
}
