/** How /proc is mounted: /proc/self/mounts, see fstab(5). */

/** Value of `hidepid` at `mountPoint`, in either spelling; `0` when it is not set, null when nothing is mounted there. */
export function parseHidepid(mounts: string, mountPoint: string): string | null {
  const line = mounts
    .split('\n')
    .map((text) => text.split(' '))
    .findLast((fields) => fields[1] === mountPoint && fields[2] === 'proc');
  if (line === undefined) return null;
  return /(?:^|,)hidepid=([^,]+)/.exec(line[3] ?? '')?.[1] ?? '0';
}
