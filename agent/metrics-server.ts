/** `--metrics`: the endpoint that Prometheus scrapes. */
import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import { BindError } from '../wire/bind-error.ts';
import { formatHostPort, parseHostPort, refuseExposure } from '../wire/host-port.ts';

export interface MetricsServer {
  /** Where it is scraped; with the port that the system chose for port 0. */
  readonly url: string;
  close(): void;
}

/**
 * Serves /metrics at `address` (HOST:PORT). Throws HostPortError, ExposureError and BindError.
 */
export async function serveMetrics(
  registry: Registry,
  address: string,
  insecure: boolean,
): Promise<MetricsServer> {
  const { host, port } = parseHostPort(address);
  refuseExposure('--metrics', { host, port }, insecure);
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('only GET /metrics is here\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      reject(new BindError('--metrics', address, code ?? message));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return {
    url: `http://${formatHostPort({ host, port: boundPort })}/metrics`,
    close: () => server.close(),
  };
}
