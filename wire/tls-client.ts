/** TLS as a client of an aggregator speaks it: whom it believes, and what it shows. */
import { checkServerIdentity, createSecureContext } from 'node:tls';
import { type ChannelCredentials, type ClientOptions, credentials } from '@grpc/grpc-js';
import { parseIp } from '../model/ip.ts';
import { parseHostPort } from './host-port.ts';

export interface ClientTls {
  /** PEM; null = the CAs that everybody trusts. */
  readonly ca: string | null;
  /** PEM: a certificate with its chain, and its key; null = none is shown. */
  readonly own: { readonly chain: string; readonly key: string } | null;
}

/** How a grpc.Client is made. */
export interface ClientChannel {
  readonly credentials: ChannelCredentials;
  readonly options: ClientOptions;
}

export const plaintextChannel: ClientChannel = { credentials: credentials.createInsecure(), options: {} };

/** Throws what OpenSSL says of a certificate or key that is none. @param endpoint HOST:PORT */
export function tlsChannel(endpoint: string, { ca, own }: ClientTls): ClientChannel {
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === null ? {} : { ca }),
    ...(own === null ? {} : { cert: own.chain, key: own.key }),
  });
  const { host } = parseHostPort(endpoint);
  if (parseIp(host) === null)
    return { credentials: credentials.createFromSecureContext(context), options: {} };
  return {
    credentials: credentials.createFromSecureContext(context, {
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    }),
    options: { 'grpc.ssl_target_name_override': nameForAddresses },
  };
}

/** An address may not stand in the name that a client of TLS asks for (RFC 6066), and grpc-js would put it there, with a warning. */
const nameForAddresses = 'aggregator.invalid';
