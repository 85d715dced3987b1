/** The words for what was seen of a connection, and why an end is missing. */
import type { DirectionRule, Seen, UnseenBecause } from '../../model/document.ts';

export const seenWords: Readonly<Record<Seen, string>> = {
  both: 'both ends',
  client: 'client end only',
  server: 'server end only',
};

export const unseenWords: Readonly<Record<UnseenBecause, string>> = {
  'no-agent': 'no agent claims the other address',
  'agent-stale': 'the agent of the other host is stale',
  'not-yet': 'the other agent may still report it',
  'closed-first': 'it was gone before the other agent looked',
  translated: 'addresses are translated in between',
  ambiguous: 'several agents claim the other address',
};

export const directionWords: Readonly<Record<DirectionRule, string>> = {
  listener: 'a listener holds the server port',
  handshake: 'the handshake was seen',
  conntrack: 'conntrack tells it',
  port: 'guessed from the ephemeral port range',
  unknown: 'unknown: the two ends may be swapped',
};
