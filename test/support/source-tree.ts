/** The files of the checkout and the imports among them, for tests that look at the sources themselves. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

const notOurs = new Set(['node_modules', 'dist', '.git', 'coverage']);

/** Paths of all files below `folder`, relative to the checkout, in a fixed order. */
export function filesBelow(folder = '.'): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .filter((entry) => !notOurs.has(entry.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return entry.isFile() ? [path] : [];
    });
}

export function readSource(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

export interface ImportEdge {
  /** Path of an own file, or the name of a package. */
  readonly target: string;
  /** As it is written. */
  readonly specifier: string;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
  readonly own: boolean;
}

/** Static and dynamic imports, re-exports, and URLs beside a module, by which it starts another program. */
const importForms =
  /(?:^|\n)\s*(?:import|export)(\s+type)?\s[^'";]*?from\s+'([^']+)'|(?:^|\n)import\s+'([^']+)'|\bimport\('([^']+)'\)|new URL\(\s*'(\.[^']*\.(?:ts|mjs|sh|js))',\s*import\.meta\.url/g;

export function importsOf(path: string): ImportEdge[] {
  return [...readSource(path).matchAll(importForms)].map((match) => {
    const specifier = match[2] ?? match[3] ?? match[4] ?? match[5]!;
    const own = specifier.startsWith('.');
    const target = own
      ? relative(repository, join(repository, dirname(path), specifier))
      : packageOf(specifier);
    return { target, specifier, typeOnly: match[1] !== undefined, own };
  });
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

export function exists(path: string): boolean {
  return existsSync(join(repository, path));
}

/** Everything that `entries` reach over own imports, themselves included. */
export function reachableFrom(entries: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const toVisit = [...entries];
  for (let path = toVisit.pop(); path !== undefined; path = toVisit.pop()) {
    if (reached.has(path) || !exists(path)) continue;
    reached.add(path);
    if (/\.(ts|tsx|mjs)$/.test(path)) toVisit.push(...ownTargets(path));
  }
  return reached;
}

function ownTargets(path: string): string[] {
  return importsOf(path)
    .filter(({ own }) => own)
    .map(({ target }) => target);
}

/** Import cycles among `paths`, each as the list of files on it. Type imports count: they tie files together as well. */
export function importCycles(paths: readonly string[]): string[][] {
  const finished = new Set<string>();
  const onPath: string[] = [];
  const cycles: string[][] = [];
  const visit = (path: string): void => {
    if (finished.has(path)) return;
    if (onPath.includes(path)) {
      cycles.push([...onPath.slice(onPath.indexOf(path)), path]);
      return;
    }
    onPath.push(path);
    for (const target of ownTargets(path))
      if (/\.(ts|tsx|mjs)$/.test(target) && exists(target)) visit(target);
    onPath.pop();
    finished.add(path);
  };
  paths.forEach(visit);
  return cycles;
}

export interface LongFunction {
  readonly line: number;
  readonly lines: number;
}

const functionStart =
  /^(\s*)(?:export )?(?:default )?(?:async )?function\b|^( {2})(?:(?:static|async|override|private|protected|get|set) )*#?[a-zA-Z]\w*(?:<.*>)?\(.*(?<!=> )\{$/;

/** Functions and methods longer than `max` lines. Leans on the formatter: a body ends with a brace at its own indent. */
export function longFunctions(source: string, max: number): LongFunction[] {
  const lines = source.split('\n');
  return lines.flatMap((text, start) => {
    const match = functionStart.exec(text);
    if (match === null) return [];
    const close = `${match[1] ?? match[2]}}`;
    const end = lines.findIndex((line, i) => i > start && (line === close || line === `${close},`));
    return end - start + 1 > max ? [{ line: start + 1, lines: end - start + 1 }] : [];
  });
}
