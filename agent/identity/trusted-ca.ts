/** Which CA the aggregator's certificate must be of: that of a file, or one that is known by its fingerprint alone. */
import type { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { parseHostPort } from '../../wire/host-port.ts';
import { unreachableReason } from '../../wire/unreachable.ts';
import { decodePem, encodePem } from '../../wire/x509/pem.ts';
import { IdentityError } from './identity-error.ts';

/** How long the aggregator may take to show its certificates. */
const showTimeoutMs = 8_000;

/** PEM. Throws IdentityError. */
export function readCaFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new IdentityError(`--ca ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, true);
  }
  if (decodePem('CERTIFICATE', text).length > 0) return text;
  throw new IdentityError(
    `--ca ${path}: there is no certificate in it; it wants ca.crt of the aggregator`,
    true,
  );
}

/**
 * Asks the aggregator for its certificates, believes none of them, and picks the one whose SHA-256 is `fingerprint`: who knows that
 * cannot be given another one. Rejects with IdentityError.
 * @param fingerprint hexadecimal, in lower case
 * @returns PEM
 */
export async function fetchPinnedCa(endpoint: string, fingerprint: string): Promise<string> {
  const chain = await shownChain(endpoint);
  const ca = chain.find(({ fingerprint256 }) => normalized(fingerprint256) === normalized(fingerprint));
  if (ca !== undefined) return encodePem('CERTIFICATE', ca.raw);
  const last = chain.at(-1);
  const shown = last === undefined ? 'none' : normalized(last.fingerprint256);
  throw new IdentityError(
    `${endpoint} has no certificate of the CA ${normalized(fingerprint)} (--ca-sha256), but of ${shown}: ` +
      'it is another aggregator, or somebody in between',
    true,
  );
}

function normalized(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

async function shownChain(endpoint: string): Promise<X509Certificate[]> {
  const { host, port } = parseHostPort(endpoint);
  const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  try {
    await handshake(socket, endpoint);
    const chain: X509Certificate[] = [];
    // The last one of a chain is its own issuer.
    for (let each = socket.getPeerX509Certificate(); each !== undefined; each = each.issuerCertificate) {
      if (chain.some(({ fingerprint256 }) => fingerprint256 === each?.fingerprint256)) break;
      chain.push(each);
    }
    return chain;
  } finally {
    socket.destroy();
  }
}

function handshake(socket: TLSSocket, endpoint: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new IdentityError(`cannot reach ${endpoint}: ${reason}; trying again`, false));
    socket.setTimeout(showTimeoutMs, () => fail('no answer'));
    socket.once('secureConnect', () => resolve());
    socket.on('error', (error: NodeJS.ErrnoException) =>
      fail(unreachableReason(error.code ?? error.message)),
    );
    socket.once('close', () => fail('it closed the connection'));
  });
}
