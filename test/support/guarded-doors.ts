/** Both servers as an aggregator has them, over a fleet that a test made, each on a port of loopback. */
import { pino } from 'pino';
import { bindGrpc, bindHttp, shutDownGrpc } from '../../aggregator/bind.ts';
import { createInProcessBus } from '../../aggregator/cluster/in-process.ts';
import { createDoors, type Doors } from '../../aggregator/doors.ts';
import { createIngest } from '../../aggregator/ingest/ingest.ts';
import { LoopDelay } from '../../aggregator/loop-delay.ts';
import { AuditTrail } from '../../aggregator/security/audit-trail.ts';
import type { DoorKind, Proofs } from '../../aggregator/security/identity.ts';
import { guardsFor, type TestGuards } from './guards.ts';
import type { ReportedFleet } from './reported-fleet.ts';

export interface GuardedDoors extends Doors {
  readonly guards: TestGuards;
  /** HOST:PORT */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  close(): Promise<void>;
}

/** @param pageFolder of the built page; null = there is none */
export async function openDoors(
  fleet: ReportedFleet,
  door: DoorKind,
  proofs?: Proofs,
  pageFolder: string | null = null,
): Promise<GuardedDoors> {
  const log = pino({ level: 'silent' });
  const { view } = fleet;
  const guards = guardsFor(door, proofs);
  const clock = (): number => fleet.nowMs;
  const ingest = createIngest({ reports: view.reports, clock, log, serverId: 'test', version: '0' });
  const bus = createInProcessBus();
  const loopDelay = new LoopDelay();
  const addresses = { grpcAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };
  const about = () => ({ ...addresses, sinceMs: 0, insecure: false, bus, kept: null });
  const audit = new AuditTrail({ log, file: null, clock });
  const doors = await createDoors(
    { view, ingest, bus, loopDelay },
    { log, kept: null, guards, audit, about, pageFolder },
  );
  const loopback = { host: '127.0.0.1', port: 0 };
  const grpcAddress = await bindGrpc(doors.grpcServer, loopback);
  const httpAddress = await bindHttp(doors.httpServer, loopback);
  doors.setOpen(true);
  return {
    ...doors,
    guards,
    grpcAddress,
    httpAddress,
    close: async () => {
      loopDelay.close();
      ingest.close();
      await Promise.all([shutDownGrpc(doors.grpcServer), doors.httpServer.close()]);
    },
  };
}
