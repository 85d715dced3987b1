/** Listeners that come and go, and the connections that this concerns. */
import type { Connection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { Listeners } from './listeners.ts';
import type { PlainConnections } from './plain-connections.ts';
import type { ReportedSocket } from './report.ts';

export interface ListeningParts {
  readonly table: ConnectionTable;
  readonly listeners: Listeners;
  readonly plain: PlainConnections;
  readonly conclude: (connection: Connection, nowMs: number) => void;
}

/** Also when a known listener's owners changed. What closed under an earlier listener keeps that one's name. */
export function listenerOpened(parts: ListeningParts, socket: ReportedSocket, nowMs: number): void {
  parts.plain.listenerOpened(socket, nowMs);
  if (!parts.listeners.add(socket)) return;
  for (const connection of parts.table.concerned.byListener(socket)) {
    const isSettled = connection.closedAtMs !== null && connection.direction === 'listener';
    if (!isSettled) parts.conclude(connection, nowMs);
  }
}

export function removeListener({ plain, listeners }: ListeningParts, socket: ReportedSocket): void {
  plain.listenerClosed(socket);
  listeners.remove(socket);
}

/** It is taken back as if it had not been reported. */
export function withdrawListener(parts: ListeningParts, socket: ReportedSocket, nowMs: number): void {
  removeListener(parts, socket);
  if (socket.protocol !== 'udp') return;
  for (const connection of parts.table.concerned.byListener(socket)) {
    if (connection.datagramPeer !== socket) continue;
    connection.datagramPeer = null;
    parts.conclude(connection, nowMs);
  }
}
