/** Whether a folder is the kernel's own /proc, or a copy of one. */
import { statfsSync } from 'node:fs';

/** PROC_SUPER_MAGIC of linux/magic.h. */
const procMagic = 0x9fa0;

export function isProcMount(path: string): boolean {
  try {
    return statfsSync(path).type === procMagic;
  } catch {
    return false;
  }
}
