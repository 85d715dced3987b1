/** Runs the parts of the engine's benchmark one after the other: what fails loses none of the others. */
import { type EngineFigure, engineTable, type PartRun } from './engine-page.ts';

export interface Sizes {
  readonly halves: number;
  readonly rounds: number;
  readonly agents: number;
}

export interface Part {
  /** What it takes at full size on a machine with nothing else to do. */
  readonly minutes: number;
  /** Of the sizes, those that it is measured by. */
  readonly by: readonly (keyof Sizes)[];
  readonly measure: (sizes: Sizes) => EngineFigure[] | Promise<EngineFigure[]>;
}

/** What is to come, a line each. @param names of parts */
export function planLines(
  parts: Readonly<Record<string, Part>>,
  names: readonly string[],
  sizes: Sizes,
): string[] {
  const minutes = names.reduce((sum, name) => sum + parts[name]!.minutes, 0);
  return [
    `plan: ${names.length} parts, ${minutes} minutes at full size`,
    ...names.map((name) =>
      `  ${name.padEnd(12)}${minutesText(parts[name]!.minutes)}  ${sizesOf(parts[name]!, sizes)}`.trimEnd(),
    ),
  ];
}

/**
 * @param done hears of each part as soon as it is measured
 * @returns the names of those that failed
 */
export async function runParts(
  parts: Readonly<Record<string, Part>>,
  names: readonly string[],
  sizes: Sizes,
  done: (run: PartRun) => void,
): Promise<string[]> {
  const failed: string[] = [];
  for (const name of names) {
    const begun = performance.now();
    const part = parts[name]!;
    try {
      const figures = await part.measure(sizes);
      const minutes = (performance.now() - begun) / 60_000;
      console.log(`${name}: done in ${minutes.toFixed(1)} min`);
      for (const line of engineTable(figures)) console.log(line);
      done({ name, figures, sizes: sizesOf(part, sizes), minutes });
    } catch (error) {
      console.error(`${name}: failed: ${error instanceof Error ? error.message : String(error)}`);
      failed.push(name);
    }
  }
  return failed;
}

function sizesOf({ by }: Part, sizes: Sizes): string {
  return by.map((size) => `${sizes[size].toLocaleString('en')} ${size}`).join(', ');
}

function minutesText(minutes: number): string {
  return `${minutes.toFixed(1)} min`.padStart(8);
}
