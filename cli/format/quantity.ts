/** Amounts for people: bytes and durations in the unit that says something, with two or three digits. */
import { unknownText } from './column.ts';

const byteUnits = ['B', 'K', 'M', 'G', 'T', 'P'] as const;

/** `812B`, `1.5K`, `20M`: steps of 1024. null = not counted. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return unknownText;
  let [amount, unit] = [bytes, 0];
  // What would be rounded to 1024 is one of the next unit.
  while (amount >= 1023.5 && unit < byteUnits.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${shortNumber(amount, unit > 0)}${byteUnits[unit]}`;
}

/** `350us`, `1.2ms`, `3.4s`. null = not measured. */
export function formatMicroseconds(us: number | null): string {
  if (us === null) return unknownText;
  if (us < 1_000) return `${us}us`;
  return us < 999_500 ? `${shortNumber(us / 1_000, true)}ms` : `${shortNumber(us / 1_000_000, true)}s`;
}

function shortNumber(amount: number, withFraction: boolean): string {
  return withFraction && amount < 9.95 ? amount.toFixed(1) : amount.toFixed(0);
}
