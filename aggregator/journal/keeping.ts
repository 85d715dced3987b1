/**
 * What an aggregator keeps beyond its run: opens the data folder, takes in what is there, and notes what follows. Without a
 * folder, or with one that cannot be used and nobody chose, all is in memory.
 */
import type { Logger } from 'pino';
import { type Disk, realDisk } from '../../disk/disk.ts';
import { type FolderTaken, takeFolder } from '../../disk/folder-lock.ts';
import { type Clock, realClock, realTimers, type Timers } from '../../model/timers.ts';
import { saveEdge, settleEdges } from '../graph/saved-edges.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { LiveView } from '../live-view.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { Journal } from './journal.ts';
import { type DataConfig, type DataFolder, DataFolderError, openDataFolder } from './kept-folder.ts';
import { defaultJournalLimits, type JournalLimits } from './limits.ts';
import { type Restored, restore } from './restore.ts';
import { Retention } from './retention.ts';

export interface KeepingOptions {
  readonly log: Logger;
  readonly disk?: Disk;
  readonly takeFolder?: (folder: string) => Promise<FolderTaken>;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly limits?: Partial<JournalLimits>;
}

/** Takes the folder that is configured. @returns null where all is in memory. Throws DataFolderError for one that was chosen */
export async function openKept(data: DataConfig | null, options: KeepingOptions): Promise<DataFolder | null> {
  if (data === null) return null;
  const { disk = realDisk, takeFolder: take = takeFolder } = options;
  const limits = { ...defaultJournalLimits, ...options.limits };
  try {
    return await openDataFolder({ data, disk, takeFolder: take, limits });
  } catch (error) {
    if (!(error instanceof DataFolderError) || data.isChosen) throw error;
    options.log.warn(`${error.message}. This run keeps everything in memory`);
    return null;
  }
}

/** What takes facts in, and the view that is made of them. */
export interface KeptParts {
  readonly view: LiveView;
  readonly ingest: Ingest;
}

export interface Kept {
  readonly folder: string;
  readonly journal: Journal;
  readonly restored: Restored;
  /** Commits what waits, and lets go of the folder. Idempotent. */
  close(): Promise<void>;
}

/** Takes in what is in the folder, and notes all that takes effect from then on. Before the first stream. */
export async function startKeeping(
  folder: DataFolder,
  { view, ingest }: KeptParts,
  options: KeepingOptions,
): Promise<Kept> {
  const { log, disk = realDisk, clock = realClock, timers = realTimers } = options;
  const { segments } = folder;
  const limits = { ...defaultJournalLimits, ...options.limits, journalBytesMax: folder.bytesMax };
  const retention = new Retention(view.lingerMs);
  const beganMs = clock.monotonicMs();
  const restored = await restore({
    segments,
    checkpoint: folder.checkpoint,
    replay: ingest.replay(),
    retention,
    sweep: (unixMs) => view.correlator.sweep(unixMs),
    settleEdges: (edges) => settleEdges(view.edgeTable, edges),
    clock,
    segmentAgeMs: limits.segmentAgeMs,
    breathe: () => new Promise((resolve) => void timers.soon(resolve)),
  });
  view.matchLatency.clear();
  tellRestored(log, folder, restored, { view, tookMs: clock.monotonicMs() - beganMs });
  const checkpoints = new CheckpointFile({
    disk,
    path: folder.checkpointPath,
    capture: () => ({
      atMs: clock.nowMs(),
      sinceMs: view.sinceMs,
      edges: Array.from(view.edgeTable.all(), saveEdge),
      hosts: ingest.save(),
    }),
  });
  const journal = new Journal({
    segments,
    retention,
    checkpoints,
    limits,
    clock,
    timers,
    log: { info: (line) => log.info(line), warn: (line) => log.warn(line) },
    onPressure: (isFull) => ingest.hold(isFull),
  });
  ingest.keepIn(journal);
  journal.start();
  const close = async (): Promise<void> => {
    await journal.close();
    folder.lock.close();
  };
  return { folder: folder.folder, journal, restored, close };
}

function tellRestored(
  log: Logger,
  { folder, unusable }: DataFolder,
  { records, bytes, flaws, torn, errors }: Restored,
  { view, tookMs }: { view: LiveView; tookMs: number },
): void {
  if (unusable !== null)
    log.warn(`${folder}: the checkpoint is ${unusable}: totals of edges from before the journal are lost`);
  if (flaws > 0)
    log.warn(`${folder}: the journal is damaged in ${flaws} places: every host has a gap for each`);
  if (torn > 0) log.info(`${folder}: the journal was cut off in ${torn} places; nothing durable is lost`);
  for (const error of errors) log.warn(error.message);
  if (records === 0) return;
  const hosts = [...view.hosts()].length;
  log.info({ records, bytes, hosts, ms: Math.round(tookMs) }, 'the live view is back from the journal');
}
