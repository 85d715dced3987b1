/** What an aggregator says of itself, for servers that tests make of its parts. */

import { createInProcessBus } from '../../aggregator/cluster/in-process.ts';
import { aboutDocument } from '../../aggregator/serve/about.ts';
import type { AboutDocument } from '../../model/document.ts';

/** @param nowMs unix milliseconds */
export function aboutTests(nowMs: number): AboutDocument {
  const addresses = { grpcAddress: '127.0.0.1:7443', httpAddress: '127.0.0.1:7480' };
  const bus = createInProcessBus(() => nowMs);
  return aboutDocument({ ...addresses, sinceMs: nowMs, insecure: false, bus, kept: null }, nowMs);
}
