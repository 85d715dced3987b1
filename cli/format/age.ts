/** How long ago, in the coarsest unit that says something: `3s`, `5m`, `2h`, `9d`. */

const units = [
  { seconds: 86_400, suffix: 'd' },
  { seconds: 3_600, suffix: 'h' },
  { seconds: 60, suffix: 'm' },
] as const;

/** @param time and @param asOf RFC 3339. A time after asOf is `0s`. */
export function formatAge(time: string, asOf: string): string {
  const seconds = Math.max(0, Math.floor((Date.parse(asOf) - Date.parse(time)) / 1000));
  const unit = units.find((candidate) => seconds >= candidate.seconds);
  return unit === undefined ? `${seconds}s` : `${Math.floor(seconds / unit.seconds)}${unit.suffix}`;
}
