/**
 * Has V8 keep the memory of an agent small.
 *
 * By itself V8 takes twice what lives, so that it collects less often: it lets the
 * young generation grow to 32 MiB and the old one by half and more before it looks for garbage. An agent makes little
 * garbage once it has reported its first scan, so that room would stay taken and never be used.
 *
 *     semi-space-growth-factor=1   the young generation stays as it is at the start: 1 MiB
 *     optimize-for-size            the old one may grow by a third until garbage is looked for
 *
 * V8 reads both whenever it collects, so they take effect in a process that runs; --max-semi-space-size would not.
 */
import { setFlagsFromString } from 'node:v8';

const flags = ['--semi-space-growth-factor=1', '--optimize-for-size'] as const;

/** For a process that is an agent and nothing else: whoever makes much garbage would be collecting all the time. */
export function keepHeapSmall(): void {
  for (const flag of flags) setFlagsFromString(flag);
}
