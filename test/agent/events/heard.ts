/** A source of events that hands out what a test puts into it, and the events of connections from one host to another. */
import type { ConnectionEvent } from '../../../agent/events/connection-event.ts';
import type { EventLosses, EventSource } from '../../../agent/events/event-source.ts';
import { hostNetns } from '../sockets.ts';

export class Heard implements EventSource {
  readonly name = 'ebpf';
  readonly cannotSee: readonly string[] = [];
  waiting: ConnectionEvent[] = [];
  lost: EventLosses = { connections: 0, overruns: 0, reason: 'too fast' };
  lostTotal = 0;
  lostByKind = {};
  isClosed = false;

  drain(eventsMax: number, read: (event: ConnectionEvent) => void): number {
    const taken = this.waiting.splice(0, eventsMax);
    for (const event of taken) read(event);
    return taken.length;
  }

  takeLosses(): EventLosses {
    const { lost } = this;
    this.lost = { ...lost, connections: 0, overruns: 0 };
    return lost;
  }

  async follow(): Promise<void> {}

  close(): void {
    this.isClosed = true;
  }
}

/** The end of the connection from that port, which began 10 ms before. */
export function ended(port: number, more: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return {
    kind: 'closed',
    atMs: 1500,
    openedAtMs: 1490,
    aliveAtMs: 1490,
    local: { ip: '10.1.17.138', port },
    remote: { ip: '10.1.100.9', port: 8743 },
    netns: hostNetns,
    uid: 0,
    before: 'last-ack',
    holder: null,
    isInherited: false,
    counters: null,
    ...more,
  };
}

/** Both sides of it have shaken hands. */
export function began(port: number, more: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return ended(port, { kind: 'opened', before: 'syn-sent', ...more });
}
