/** What /metrics shows of the journal (docs/metrics-aggregator.md). All is 0 where nothing is kept. */
import type { Registry } from 'prom-client';
import type { SegmentCounters } from '../../disk/segments.ts';
import { counter, gauge } from '../metric-kinds.ts';
import type { Kept } from './keeping.ts';

export function addJournalMetrics(registry: Registry, kept: Kept | null): void {
  const journal = kept?.journal ?? null;
  gauge(
    registry,
    'whotalks_journal_writing',
    '1 while what agents tell is made durable; 0 while the disk fails, or without a data folder.',
    () => Number(journal?.isWriting ?? false),
  );
  gauge(registry, 'whotalks_journal_bytes', 'Bytes of the journal.', () => journal?.segments.bytes ?? 0);
  gauge(
    registry,
    'whotalks_journal_waiting_bytes',
    'Bytes that wait to be made durable.',
    () => journal?.segments.waitingBytes ?? 0,
  );
  gauge(
    registry,
    'whotalks_journal_segments',
    'Files of the journal.',
    () => journal?.segments.numbers.length ?? 0,
  );
  const totals: readonly (readonly [keyof SegmentCounters, string, string])[] = [
    ['records', 'records', 'Records noted in the journal.'],
    ['bytes', 'written_bytes', 'Bytes written to the journal.'],
    ['commits', 'commits', 'Times that what waited was made durable, for all agents together.'],
    ['refused', 'refused_records', 'Records that the journal had no room for.'],
    ['failures', 'failures', 'Times that the disk failed.'],
    ['damaged', 'torn', 'Ends of files that were cut off by a crash and set aside.'],
  ];
  for (const [key, name, help] of totals) {
    counter(registry, `whotalks_journal_${name}_total`, help, () => journal?.segments.counters[key] ?? 0);
  }
  counter(
    registry,
    'whotalks_journal_flaws_total',
    'Damaged places that were met when the journal was read.',
    () => kept?.restored.flaws ?? 0,
  );
  counter(
    registry,
    'whotalks_journal_dropped_early_total',
    'Files of the journal that went before their time because there were too many bytes.',
    () => journal?.droppedEarly ?? 0,
  );
}
