/** How a certificate says which host's agent it is of: a URI among its subject's alternative names. */

const prefix = 'whotalks://agent/';

/** A host id of any letters stands in a URI with %-escapes; one with a quote would be shown by Node in a form of its own. */
export function agentUri(hostId: string): string {
  return `${prefix}${encodeURIComponent(hostId).replaceAll("'", '%27')}`;
}

/** The host id, or null where the URI is no agent's. An id has one form alone. */
export function hostIdOfUri(uri: string): string | null {
  if (!uri.startsWith(prefix)) return null;
  try {
    const hostId = decodeURIComponent(uri.slice(prefix.length));
    return hostId !== '' && agentUri(hostId) === uri ? hostId : null;
  } catch {
    return null;
  }
}

/**
 * The host id in what Node calls `subjectAltName`: `DNS:a, IP Address:10.0.0.1, URI:whotalks://agent/...`. A name that could be
 * taken for several stands there in quotes, and so is no URI here. null where there is no agent's, or more than one.
 */
export function hostIdOfAltNames(altNames: string | undefined): string | null {
  const hostIds = (altNames ?? '')
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => hostIdOfUri(name.slice(4)))
    .filter((hostId) => hostId !== null);
  return hostIds.length === 1 ? hostIds[0]! : null;
}
