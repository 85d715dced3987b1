/** `--nats`: where an aggregator may publish. Like every other way out, in plaintext only to loopback unless told so. */
import { isLoopbackHost } from '../wire/host-port.ts';
import { usageFailure } from './exit.ts';
import { plainText } from './format/plain-text.ts';

/** The servers as given. Throws a usage failure for one that is none, and for one that may not be told. */
export function checkedNatsUrls(urls: readonly string[], insecure: boolean): readonly string[] {
  for (const text of urls) {
    const host = hostOf(text);
    if (host === null) {
      throw usageFailure(
        `--nats: expected a server such as nats://127.0.0.1:4222, found ${JSON.stringify(plainText(text))}`,
      );
    }
    if (!insecure && !isLoopbackHost(host)) {
      throw usageFailure(
        `--nats ${plainText(host)} is not loopback, and what is published there crosses the network in plaintext: ` +
          'use a server on this machine, or pass --insecure to accept that',
      );
    }
  }
  return urls;
}

/** Name or address, without brackets; null when the text names no NATS server. */
function hostOf(text: string): string | null {
  const url = text.includes('://') ? text : `nats://${text}`;
  if (!/^(nats|tls):/.test(url) || !URL.canParse(url)) return null;
  const { hostname } = new URL(url);
  return hostname === '' ? null : hostname.replace(/^\[(.*)\]$/, '$1');
}
