/** Binding the two servers to their addresses, and letting go of them. */
import { createServer, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import { BindError } from '../wire/bind-error.ts';
import { formatHostPort, type HostPort } from '../wire/host-port.ts';
import { askForCertificates } from './security/tls-door.ts';

/** How long calls under way may go on when the server stops. */
const drainMs = 1_000;

/** The address as bound. Throws BindError. */
export function bindGrpc(server: grpc.Server, address: HostPort): Promise<string> {
  const text = formatHostPort(address);
  return new Promise((resolve, reject) => {
    server.bindAsync(text, grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(formatHostPort({ ...address, port }));
      else reject(new BindError('--listen', text, systemCode(error.message)));
    });
  });
}

/**
 * The door of TLS before a gRPC server: it asks whoever comes for a certificate, and lets in who has none. Not bound yet. grpc-js
 * would make one of its own and keep it to itself; who failed at the handshake, and why a certificate is not good, only the door knows.
 */
export function createGrpcTlsDoor(server: grpc.Server, context: SecureContextOptions): TlsServer {
  const door = createServer({ ...context, ...askForCertificates, ALPNProtocols: ['h2'] });
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  door.on('secureConnection', (socket) => injector.injectConnection(socket));
  return door;
}

/** The address as bound. Throws BindError. */
export function bindGrpcTlsDoor(door: TlsServer, { host, port }: HostPort): Promise<string> {
  return new Promise((resolve, reject) => {
    door.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      reject(new BindError('--listen', formatHostPort({ host, port }), code ?? message)),
    );
    door.listen({ host, port }, () => {
      const bound = door.address();
      resolve(
        formatHostPort({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port }),
      );
    });
  });
}

/** grpc-js tells only text: the system's code stands in it. */
function systemCode(text: string): string {
  return /\bE[A-Z_]{3,}\b/.exec(text)?.[0] ?? text;
}

/** The address as bound. Throws BindError. */
export async function bindHttp(server: FastifyInstance, { host, port }: HostPort): Promise<string> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new BindError('--http', formatHostPort({ host, port }), code ?? message);
  }
  const bound = server.server.address();
  return formatHostPort({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port });
}

/** Lets calls end for a moment, then ends them. */
export function shutDownGrpc(server: grpc.Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, drainMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
