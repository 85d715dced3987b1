/**
 * What the kubelet of this machine tells of its pods, where the agent is told to ask: by HTTPS with a token (nodes/proxy),
 * or on loopback by plain HTTP without one (the read-only port).
 *
 * Whoever got the token could do much in the cluster, so it goes only to a server whose certificate is good: signed by the
 * CA for that address, or the very certificate that the CA file holds, as a kubelet that signs for itself has one.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { FoundNames } from '../resolve/container-names.ts';
import type { ContainerNames } from './container-labels.ts';
import { AnswerStatusError, readAnswer } from './http-answer.ts';
import { parsePods } from './kubelet-pods.ts';

export interface KubeletAccess {
  /** Such as https://127.0.0.1:10250; plain http on loopback only. */
  readonly url: string;
  /** Holds a bearer token, read anew for each request since it is renewed; null = none is sent. */
  readonly tokenFile: string | null;
  /** PEM; null = the authorities that Node.js trusts. */
  readonly caFile: string | null;
}

/** Longest list of pods that is read: some 16 kB for each of 1,000 pods. */
export const podListBytesMax = 16 << 20;

/** How long a list is believed to have all pods, so that many new containers make few requests. */
const listFreshMs = 5_000;

interface PodList {
  readonly atMs: number;
  /** null = it could not be had. */
  readonly containers: ReadonlyMap<string, ContainerNames> | null;
}

export class KubeletApi {
  readonly #access: KubeletAccess;
  readonly #nodeName: string | null;
  #list: PodList | null = null;
  /** Why the last list could not be had, and what to do, as a sentence; null = it was had, or not asked for yet. */
  problem: string | null = null;

  constructor(access: KubeletAccess, nodeName: string | null) {
    this.#access = access;
    this.#nodeName = nodeName;
  }

  /** Never rejects. @param timeoutMs for one request */
  async find(id: string, timeoutMs: number): Promise<FoundNames> {
    const nowMs = performance.now();
    if (this.#list === null || nowMs - this.#list.atMs > listFreshMs) {
      this.#list = { atMs: nowMs, containers: await this.#listPods(timeoutMs) };
    }
    const { containers } = this.#list;
    return containers === null ? 'refused' : (containers.get(id) ?? null);
  }

  async #listPods(timeoutMs: number): Promise<ReadonlyMap<string, ContainerNames> | null> {
    try {
      const asked = await this.#request(AbortSignal.timeout(timeoutMs));
      const containers = parsePods(await readAnswer(asked, podListBytesMax), this.#nodeName);
      if (containers === null) throw new Error('answered with something else than a list of pods');
      this.problem = null;
      return containers;
    } catch (error) {
      this.problem = `Names of pods are missing: the kubelet at ${this.#access.url} ${explain(error)}.`;
      return null;
    }
  }

  async #request(signal: AbortSignal): Promise<ClientRequest> {
    const { tokenFile, caFile } = this.#access;
    const url = new URL('/pods', this.#access.url);
    if (url.protocol === 'http:') return httpRequest(url, { signal, agent: false });
    const token = tokenFile === null ? null : (await readSecret(tokenFile, 'token')).toString('utf8').trim();
    const ca = caFile === null ? null : await readSecret(caFile, 'CA');
    return httpsRequest(url, {
      signal,
      agent: false,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      ...(ca === null ? {} : { ca, checkServerIdentity: identityOrPinned(ca) }),
    });
  }
}

async function readSecret(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`is not asked, because the ${what} file ${path} cannot be read (${code})`, {
      cause: error,
    });
  }
}

/** A chain to the CA was verified before: what is left is whose certificate it is. */
function identityOrPinned(ca: Buffer): (host: string, peer: PeerCertificate) => Error | undefined {
  return (host, peer) => {
    const wrong = checkServerIdentity(host, peer);
    return wrong === undefined || new X509Certificate(ca).raw.equals(peer.raw) ? undefined : wrong;
  };
}

/** The end of the sentence: what happened, and what to do. */
function explain(error: unknown): string {
  if (error instanceof AnswerStatusError) {
    if (error.status === 401) return 'does not accept the token (401): give the one of a service account';
    if (error.status === 403) return 'refuses the token (403): its account needs "get" on nodes/proxy';
    return error.message;
  }
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError' || name === 'TimeoutError') return 'did not answer in time';
  if (code === 'ECONNREFUSED') return 'is not there (ECONNREFUSED): look at the address';
  if (code === undefined) return message;
  return `could not be asked (${code}): look at the address, and at the CA file for its certificate`;
}
