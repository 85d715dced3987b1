/** What the telling of plain sockets works on. */
import type { Lives } from './lives.ts';
import type { PlainConclusions } from './plain-conclusions.ts';
import type { PlainCounting } from './plain-counting.ts';
import type { EdgeParts } from './plain-edges.ts';
import type { PlainHosts } from './plain-hosts.ts';
import type { PlainSlots } from './plain-slots.ts';

export interface KeptParts {
  readonly hosts: PlainHosts;
  readonly slots: PlainSlots;
  readonly lives: Lives;
  readonly originMs: number;
  readonly edges: EdgeParts;
  readonly conclusions: PlainConclusions;
  readonly counting: PlainCounting;
}
