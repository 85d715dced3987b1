/** What is translated between the ends of a row, as the line below it. */
import type { ConnectionDocument, PeerDocument } from '../../model/document.ts';
import { endpointText } from './ends.ts';

/** `dialed 10.96.0.1:443, arrives from 10.0.0.5:51234`; null where each end is where the other sees it. */
export function translationText({ nat, client, server }: ConnectionDocument): string | null {
  if (nat === null) return null;
  const parts: string[] = [];
  if (nat.clientDialed !== endpointText(server)) parts.push(`dialed ${nat.clientDialed}`);
  if (nat.serverSaw !== endpointText(client)) parts.push(`arrives from ${nat.serverSaw}`);
  return parts.join(', ');
}

/** `dialed 10.96.0.1:443` */
export function dialedText({ dialed }: PeerDocument): string | null {
  return dialed === null ? null : `dialed ${dialed}`;
}
