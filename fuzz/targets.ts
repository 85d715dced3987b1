/** Everything that is fuzzed, in the order in which a fact travels. */
import type { Target } from './target.ts';
import { certificateTargets } from './targets/certificates.ts';
import { diskTargets } from './targets/disk.ts';
import { httpTargets } from './targets/http.ts';
import { kernelTargets } from './targets/kernel.ts';
import { netlinkTargets } from './targets/netlink.ts';
import { outputTargets } from './targets/output.ts';
import { procfsTargets } from './targets/procfs.ts';
import { queryTargets } from './targets/query.ts';
import { runtimeTargets } from './targets/runtime.ts';
import { settingTargets } from './targets/settings.ts';
import { wireTargets } from './targets/wire.ts';

export const targets: readonly Target[] = [
  ...procfsTargets,
  ...netlinkTargets,
  ...kernelTargets,
  ...runtimeTargets,
  ...wireTargets,
  ...certificateTargets,
  ...diskTargets,
  ...queryTargets,
  ...httpTargets,
  ...settingTargets,
  ...outputTargets,
];
