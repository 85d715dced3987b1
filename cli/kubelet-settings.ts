/** `--kubelet`, `--kubelet-token` and `--kubelet-ca`: whom to ask for names of pods, and what may be sent there. */
import { existsSync } from 'node:fs';
import type { KubeletAccess } from '../agent/runtime/kubelet-api.ts';
import { isLoopbackHost } from '../wire/host-port.ts';
import { usageFailure } from './exit.ts';
import { type Setting, SettingError, textSetting } from './settings.ts';

/** Where Kubernetes puts what a container may show of itself. */
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

export function kubeletUrlSetting(): Setting<string | null> {
  const { parse, fallback } = textSetting(null);
  return {
    parse: (texts) => {
      const text = parse(texts);
      if (text !== null && !isWebUrl(text))
        throw new SettingError('a URL such as https://127.0.0.1:10250', text);
      return text;
    },
    fallback,
  };
}

/** Throws a usage failure where names of pods would go through the network in plain text. */
export function kubeletAccess(
  url: string | null,
  tokenFile: string | null,
  caFile: string | null,
): KubeletAccess | null {
  if (url === null) return null;
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && !isLoopbackHost(hostname.replace(/^\[|\]$/g, ''))) {
    throw usageFailure(
      `--kubelet ${url} is not loopback and not TLS, so anyone could answer there: use https`,
    );
  }
  return {
    url,
    tokenFile: tokenFile ?? existing(`${serviceAccount}/token`),
    caFile: caFile ?? existing(`${serviceAccount}/ca.crt`),
  };
}

function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function existing(path: string): string | null {
  return existsSync(path) ? path : null;
}
