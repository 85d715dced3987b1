/** Every colour that carries text or a mark is read on every ground that it stands on, in light and in dark (WCAG 2.2). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const tokens = readFileSync(new URL('../../web/style/tokens.css', import.meta.url), 'utf8');
const [light, dark] = tokens.split('@media') as [string, string];

function colour(scheme: string, name: string): [number, number, number] {
  const hex = new RegExp(`--${name}: #([0-9a-f]{6});`).exec(scheme)![1]!;
  return [0, 2, 4].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255) as [number, number, number];
}

/** Relative luminance, WCAG 2.2. */
function luminance(rgb: readonly number[]): number {
  const [r, g, b] = rgb.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(scheme: string, a: string, b: string): number {
  const [bright, dim] = [luminance(colour(scheme, a)), luminance(colour(scheme, b))].sort((x, y) => y - x);
  return (bright! + 0.05) / (dim! + 0.05);
}

describe.each([
  ['light', light],
  ['dark', dark],
])('%s colours', (_, scheme) => {
  it.each([
    ['ink', ['ground', 'paper', 'accent-ground', 'warn-ground']],
    ['quiet', ['ground', 'paper', 'accent-ground']],
    ['accent', ['ground', 'paper']],
    ['one-end', ['ground', 'paper', 'accent-ground']],
    ['paper', ['accent']],
  ])('text in %s is at least 4.5:1', (text, grounds) => {
    for (const ground of grounds) expect(contrast(scheme, text, ground), ground).toBeGreaterThanOrEqual(4.5);
  });

  it.each(['edge', 'node', 'good'])('the mark %s is at least 3:1', (mark) => {
    expect(contrast(scheme, mark, 'paper')).toBeGreaterThanOrEqual(3);
  });
});
