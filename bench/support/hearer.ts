/**
 * A source of events in a process of its own, as an agent has it, whose CPU is measured while connections come and go:
 * user and system time of the whole process, with garbage collection and whatever else it sets off.
 */
import { createInterface } from 'node:readline';
import { EventFeed } from '../../agent/event-feed.ts';
import type { ConnectionEvent } from '../../agent/events/connection-event.ts';
import type { EventSource } from '../../agent/events/event-source.ts';
import { HolderOwners } from '../../agent/events/holder-owners.ts';
import { openEvents } from '../../agent/events/open-events.ts';
import { GapLedger } from '../../agent/export/gap-ledger.ts';
import { ShortLived } from '../../agent/watch/short-lived.ts';
import { SocketWatch } from '../../agent/watch/socket-watch.ts';

/** The word that makes a bench program run as a hearer. */
export const hearerRole = 'hearer';

/** `read`: events are read and dropped. `join`: they are joined with what scans tell, as far as the table of slots. */
export type HearerWork = 'read' | 'join';

/** What was heard between two questions. */
export interface Heard {
  readonly opened: number;
  readonly closed: number;
  /** Ends by the pid of the process that they name; 0 = none. */
  readonly closedBy: Readonly<Record<number, number>>;
  readonly lost: number;
  readonly cpuMs: number;
}

/** Answers each line on stdin with a Heard as JSON. Arguments: the role, the way and the work. */
export async function runHearer(way: 'ebpf' | 'destroy', work: HearerWork): Promise<void> {
  const { source } = await openEvents(way, '/proc');
  const counted = countedBy(source!);
  const holders = new HolderOwners({ procRoot: '/proc', cmdline: 'redacted', kubelet: null });
  const shortLived = new ShortLived((event) => holders.of(event, performance.now()));
  const feed = new EventFeed({
    source: counted.source,
    shortLived: work === 'join' ? shortLived : new Deaf(() => []),
    watch: new SocketWatch(),
    gaps: new GapLedger(),
    complete: (told) => told,
    tell: () => {},
    offer: () => {},
    nowMs: () => Date.now(),
  });
  feed.start();
  process.stdout.write('ready\n');
  let before = process.cpuUsage();
  let lostBefore = 0;
  for await (const _ of createInterface({ input: process.stdin })) {
    await feed.catchUp();
    // No scan follows.
    feed.release();
    const { user, system } = process.cpuUsage(before);
    const lost = feed.totals.lost + feed.totals.overruns;
    const heard: Heard = {
      ...counted.take(),
      lost: lost - lostBefore,
      cpuMs: (user + system) / 1000,
    };
    process.stdout.write(`${JSON.stringify(heard)}\n`);
    before = process.cpuUsage();
    lostBefore = lost;
  }
  await feed.stop();
}

/** Reads events and makes nothing of them. */
class Deaf extends ShortLived {
  override apply(): [] {
    return [];
  }
}

/** The source, with a count of what it tells. */
function countedBy(source: EventSource): { source: EventSource; take: () => Omit<Heard, 'lost' | 'cpuMs'> } {
  let counts = { opened: 0, closed: 0, closedBy: {} as Record<number, number> };
  const count = (event: ConnectionEvent): void => {
    counts[event.kind]++;
    if (event.kind === 'opened') return;
    const pid = event.holder?.pid ?? 0;
    counts.closedBy[pid] = (counts.closedBy[pid] ?? 0) + 1;
  };
  return {
    source: {
      name: source.name,
      cannotSee: [],
      get lostTotal() {
        return source.lostTotal;
      },
      get lostByKind() {
        return source.lostByKind;
      },
      drain: (eventsMax, read) =>
        source.drain(eventsMax, (event) => {
          count(event);
          read(event);
        }),
      takeLosses: () => source.takeLosses(),
      follow: (scan) => source.follow(scan),
      close: () => source.close(),
    },
    take: () => {
      const taken = counts;
      counts = { opened: 0, closed: 0, closedBy: {} };
      return taken;
    },
  };
}
