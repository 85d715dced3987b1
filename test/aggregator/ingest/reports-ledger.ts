/** A SocketReports that writes down what it is told, and throws at once when the telling makes no sense. */
import assert from 'node:assert/strict';
import type {
  ReportedFlow,
  ReportedSocket,
  ReportingHost,
  SocketReports,
} from '../../../aggregator/correlate/report.ts';

export class ReportsLedger implements SocketReports {
  readonly open = new Set<ReportedSocket>();
  readonly flows = new Set<ReportedFlow>();
  /** How often each socket id was told to open and to close. */
  readonly openings = new Map<string, number>();
  readonly closings = new Map<string, number>();
  readonly closedSockets: ReportedSocket[] = [];
  /** Ids of those that were over before they were told. */
  readonly past = new Set<string>();
  /** Everything told, in order, such as `opened 10.1.17.138:1025`. */
  readonly story: string[] = [];
  readonly hostStates: string[] = [];

  kept(): null {
    return null;
  }

  opened(socket: ReportedSocket): void {
    assert(!this.open.has(socket), 'opened twice');
    if (socket.closedAtMs !== null) this.past.add(socket.id);
    this.open.add(socket);
    count(this.openings, socket.id);
    this.story.push(`opened ${socket.local.port}`);
  }

  changed(socket: ReportedSocket, previousState: string): void {
    assert(this.open.has(socket), 'changed while it is not open');
    this.story.push(`changed ${socket.local.port} ${previousState} to ${socket.state}`);
  }

  closed(socket: ReportedSocket): void {
    assert(this.open.delete(socket), 'closed while it is not open');
    assert(socket.closedAtMs !== null);
    count(this.closings, socket.id);
    this.closedSockets.push(socket);
    this.story.push(`closed ${socket.local.port}`);
  }

  translated(socket: ReportedSocket): void {
    assert(this.open.has(socket), 'translated while it is not open');
    const { role, stages } = socket.translation!;
    this.story.push(`translated ${socket.local.port} ${role} ${stages.length}`);
  }

  counted(socket: ReportedSocket): void {
    assert(this.open.has(socket), 'counted while it is not open');
    this.story.push(`counted ${socket.local.port} ${socket.counters!.bytesSent}`);
  }

  forwarded(flow: ReportedFlow): void {
    assert(!this.flows.has(flow), 'forwarded twice');
    this.flows.add(flow);
    this.story.push(`forwarded ${flow.dialed.local.port}`);
  }

  forwardEnded(flow: ReportedFlow): void {
    assert(this.flows.delete(flow), 'ended while it is not forwarded');
    this.story.push(`ended ${flow.dialed.local.port}`);
  }

  hostChanged(host: ReportingHost): void {
    this.hostStates.push(`${host.name} ${host.state}`);
  }

  hostLost(host: ReportingHost, sockets: Iterable<ReportedSocket>): void {
    for (const socket of sockets) assert(this.open.delete(socket), 'withdrawn while it is not open');
    this.hostStates.push(`${host.name} ${host.state}`);
  }

  /** Local ports of the open sockets, ascending. */
  get openPorts(): number[] {
    return [...this.open].map((socket) => socket.local.port).sort((a, b) => a - b);
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
