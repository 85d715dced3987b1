/**
 * Endpoints that stand in many sockets, such as where a server listens, as one object: an object for each would be 40
 * bytes per socket. Only the last ones that were asked for are remembered, so a rare one may be made again.
 */
import type { Endpoint } from '../../model/endpoint.ts';

/** How many are remembered, a power of two. Each has one place, from which a later one with the same place drives it. */
export const sharedEndpointsMax = 4096;

export class SharedEndpoints {
  readonly #places: (Endpoint | undefined)[] = Array.from({ length: sharedEndpointsMax });

  /** An equal endpoint that was handed out before, where one is remembered; else this very one. */
  shared(endpoint: Endpoint): Endpoint {
    const { ip, port } = endpoint;
    const place = placeOf(ip, port);
    const known = this.#places[place];
    if (known !== undefined && known.port === port && known.ip === ip) return known;
    this.#places[place] = endpoint;
    return endpoint;
  }
}

function placeOf(ip: string, port: number): number {
  let hash = port;
  for (let i = 0; i < ip.length; i++) hash = Math.imul(hash, 31) + ip.charCodeAt(i);
  return (hash ^ (hash >>> 15)) & (sharedEndpointsMax - 1);
}
