/** What the applications at both ends see of a connection that is translated between them. */
import { type Endpoint, sameEndpoint } from '../../model/endpoint.ts';
import { outermost } from '../../model/translation.ts';
import { type Connection, otherSide } from './connection.ts';

export interface ApplicationView {
  /** Where the client thinks its server is. */
  readonly clientDialed: Endpoint;
  /** Where the server thinks its client is. */
  readonly serverSaw: Endpoint;
}

/**
 * As their own kernels show it; of an unseen end as the wire shows what it must have seen. Null where nothing is
 * translated: each end is where the other sees it.
 */
export function applicationView({ client, endpoints, halves, via }: Connection): ApplicationView | null {
  const server = otherSide(client);
  const [near, far] = [halves[client], halves[server]];
  const clientDialed =
    near?.remote ?? via?.dialed.remote ?? (far === null ? null : outermost(far, far.translation).local);
  const serverSaw =
    far?.remote ?? via?.forwarded.local ?? (near === null ? null : outermost(near, near.translation).local);
  if (clientDialed === null || serverSaw === null) return null;
  if (sameEndpoint(clientDialed, endpoints[server]) && sameEndpoint(serverSaw, endpoints[client]))
    return null;
  return { clientDialed, serverSaw };
}
