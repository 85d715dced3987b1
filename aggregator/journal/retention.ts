/**
 * Which segments are still needed. Pure.
 *
 * Reading the journal begins for each host with a snapshot, and tells of what closed only what closed after it. So a host
 * needs the segment with its last snapshot from before what lingers, and all that follow; a host that is lost needs none
 * once nothing of it lingers.
 */

/** A snapshot that is whole in the journal. */
export interface Point {
  /** In which it begins. */
  readonly segment: number;
  readonly completeMs: number;
}

interface HostPoints {
  /** Oldest first; of those from before what lingers only the last. */
  points: Point[];
  /** null while it is not lost. */
  lostMs: number | null;
}

export class Retention {
  readonly #lingerMs: number;
  readonly #hosts = new Map<string, HostPoints>();

  /** @param lingerMs how long a closed connection is shown */
  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  snapshotTaken(hostId: string, point: Point): void {
    const host = this.#hosts.get(hostId) ?? { points: [], lostMs: null };
    this.#hosts.set(hostId, host);
    host.points.push(point);
    host.lostMs = null;
    this.#forgetOlder(host, point.completeMs);
  }

  hostLost(hostId: string, nowMs: number): void {
    const host = this.#hosts.get(hostId);
    if (host !== undefined) host.lostMs = nowMs;
  }

  /** The segments from this one on are needed; Infinity where no host needs any. */
  neededFrom(nowMs: number): number {
    let needed = Number.POSITIVE_INFINITY;
    for (const [hostId, host] of this.#hosts) {
      if (host.lostMs !== null && host.lostMs <= nowMs - this.#lingerMs) {
        this.#hosts.delete(hostId);
        continue;
      }
      this.#forgetOlder(host, nowMs);
      needed = Math.min(needed, host.points[0]?.segment ?? needed);
    }
    return needed;
  }

  /** Segments up to this one are gone, needed or not. */
  dropped(segment: number): void {
    for (const host of this.#hosts.values())
      host.points = host.points.filter((each) => each.segment > segment);
  }

  /** The last snapshot of a host; null where there is none. */
  lastSnapshot(hostId: string): Point | null {
    return this.#hosts.get(hostId)?.points.at(-1) ?? null;
  }

  #forgetOlder(host: HostPoints, nowMs: number): void {
    const before = nowMs - this.#lingerMs;
    const last = host.points.findLastIndex(({ completeMs }) => completeMs <= before);
    if (last > 0) host.points.splice(0, last);
  }
}
