/** What an agent has counted since it started: for its heartbeats and its metrics. */
import type { Scan } from './collector.ts';

export class AgentCounters {
  scans = 0;
  failedScans = 0;
  /** Scans that took longer than the interval. */
  overruns = 0;
  /** Socket events by kind. */
  readonly events = { opened: 0, changed: 0, closed: 0 };
  malformedRows = 0;
  /** The place and text of the malformed row that was told last. */
  lastMalformed = '';
  /** Why the last scan failed, as it was told; empty after one that succeeded. */
  lastFailure = '';
  lastScanMs = 0;
  /** Is told how many seconds each scan took; null where nobody asked for metrics. */
  scanDuration: { observe(seconds: number): void } | null = null;
  lastSockets = 0;
  lastNamespaces = 0;
  cannotSee: readonly string[] = [];

  /** @param cannotFind what is missing beside the scan, and why */
  scanned(scan: Scan, tookMs: number, cannotFind: readonly string[]): void {
    this.scans++;
    this.lastFailure = '';
    this.malformedRows += scan.malformedTotal;
    this.lastScanMs = Math.round(tookMs);
    this.lastSockets = scan.sockets.length;
    this.lastNamespaces = scan.netns.length;
    this.scanDuration?.observe(tookMs / 1000);
    this.cannotSee = [...scan.cannotSee, ...cannotFind];
  }
}
