/** The parameters of an API address to a request; each wrong one is named, none is ignored. */
import { type AnswerRequest, emptyRequest, InvalidRequest } from './request.ts';

const parameters = ['q', 'realm', 'limit', 'sort', 'depth', 'reverse'] as const;

/** Largest number a parameter takes: uint32, as on the wire. */
const numberMax = 0xffffffff;

/** Throws InvalidRequest. A parameter that is given twice is wrong. */
export function parseParameters(search: URLSearchParams): AnswerRequest {
  for (const name of new Set(search.keys())) {
    if (['at', 'since', 'until'].includes(name)) {
      throw new InvalidRequest(`${name}: history is not available in this version`);
    }
    if (!parameters.some((known) => known === name)) {
      throw new InvalidRequest(
        `unknown parameter ${JSON.stringify(name.slice(0, 40))}; there are ${parameters.join(', ')}`,
      );
    }
    if (search.getAll(name).length > 1) throw new InvalidRequest(`${name} is given more than once`);
  }
  return {
    q: search.get('q') ?? emptyRequest.q,
    realm: search.get('realm') ?? emptyRequest.realm,
    limit: parseNumber('limit', search.get('limit')),
    sort: search.get('sort') ?? emptyRequest.sort,
    depth: parseNumber('depth', search.get('depth')),
    reverse: parseFlag('reverse', search.get('reverse')),
  };
}

function parseNumber(name: string, text: string | null): number {
  if (text === null) return 0;
  if (!/^[0-9]{1,10}$/.test(text) || Number(text) > numberMax) {
    throw new InvalidRequest(`${name}: expected a whole number, found ${JSON.stringify(text.slice(0, 40))}`);
  }
  return Number(text);
}

/** `reverse`, `reverse=true` and `reverse=1` set it. */
function parseFlag(name: string, text: string | null): boolean {
  if (text === null || text === 'false' || text === '0') return false;
  if (text === '' || text === 'true' || text === '1') return true;
  throw new InvalidRequest(`${name}: expected true or false, found ${JSON.stringify(text.slice(0, 40))}`);
}
