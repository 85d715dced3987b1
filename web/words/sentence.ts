/** The sentence that opens the page: the aggregator's own for a single target, else one made of counts. */
import type { MapDocument } from '../../model/document.ts';
import type { Answer } from '../state/answer.ts';
import { plural } from './format.ts';

/** Never empty: an empty answer is said too. */
export function sentenceOf(answer: Answer): string {
  if (answer.hosts.hosts.length === 0) return 'No host reports yet.';
  if (answer.spoken !== null && answer.spoken.summary !== '') return answer.spoken.summary;
  return countsSentence(answer.map, answer.query);
}

function countsSentence(map: MapDocument, query: string): string {
  if (map.services.length === 0) return query === '' ? 'No connection has been seen yet.' : 'Nothing found.';
  const open = map.edges.reduce((sum, edge) => sum + edge.open, 0);
  const oneEnd = map.edges.filter((edge) => edge.seen.both === 0).length;
  const unobserved = map.services.filter((service) => !service.observed).length;
  const parts = [
    `${plural(map.services.length - unobserved, 'service')} and ${plural(map.edges.length, 'dependency', 'dependencies')} between them, ${plural(open, 'connection')} open.`,
  ];
  if (unobserved > 0)
    parts.push(`${plural(unobserved, 'peer')} ${unobserved === 1 ? 'has' : 'have'} no agent.`);
  if (oneEnd > 0) {
    parts.push(`${plural(oneEnd, 'dependency is', 'dependencies are')} seen from one end only.`);
  }
  return parts.join(' ');
}
