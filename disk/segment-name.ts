/** Names of segments: a number of ten digits, so that they stand in order, and of what was set aside of them. */

const suffix = '.segment';
const damagedSuffix = '.damaged';
const pattern = /^(\d{10})\.segment$/;

export function segmentName(number: number): string {
  return `${String(number).padStart(10, '0')}${suffix}`;
}

/** null for a file that is no segment. */
export function numberOfSegment(name: string): number | null {
  const digits = pattern.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** For what was cut off a segment at that byte. */
export function damagedName(number: number, at: number): string {
  return `${String(number).padStart(10, '0')}.${at}${damagedSuffix}`;
}

export function isDamagedName(name: string): boolean {
  return name.endsWith(damagedSuffix);
}
