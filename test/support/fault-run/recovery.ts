/** How fast a fleet is itself again: from the end of a fault to a fresh connection being in the answers with both its ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { LedgerConnection } from './oracle-ledger.ts';
import type { FaultRig } from './rig.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Between two looks. */
const lookEveryMs = 50;

/** Whoever takes longer does not come back. */
export const recoveryPatienceMs = 90_000;

/** Opens the connection at once. Returns milliseconds; null = it was in vain. */
export async function measureRecovery(rig: FaultRig, random: SeededRandom): Promise<number | null> {
  const endedMs = performance.now();
  const client = random.pick(rig.oracles);
  const server = random.pick(rig.oracles.filter(({ host }) => host !== client.host));
  const probe = await client.probe(random.pick(server.listening));
  while (performance.now() - endedMs < recoveryPatienceMs) {
    const documents = await rig.connectionsAt(formatEndpoint(probe.client));
    if (documents.some((document) => isWhole(probe, document.client, document.server))) {
      return performance.now() - endedMs;
    }
    await sleep(lookEveryMs);
  }
  return null;
}

interface Holder {
  readonly host: string | null;
  readonly pid: number | null;
}

function isWhole({ ends }: LedgerConnection, client: Holder, server: Holder): boolean {
  const isHeldBy = (holder: Holder, end: Holder | null): boolean =>
    end !== null && holder.host === end.host && holder.pid === end.pid;
  return isHeldBy(client, ends.client) && isHeldBy(server, ends.server);
}
