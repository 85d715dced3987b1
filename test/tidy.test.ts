/** Style that a machine can see is a test: layers, cycles, dead files, headers, sizes, names, left-over words, links. */
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import {
  exists,
  filesBelow,
  importCycles,
  importsOf,
  longFunctions,
  reachableFrom,
  readSource,
} from './support/source-tree.ts';

const fileLinesMax = 350;
/** A test file is a list of cases, which is read one by one. */
const testFileLinesMax = 450;
const functionLinesMax = 60;

/** What each folder of the product may import besides itself. */
const layers: Readonly<Record<string, readonly string[]>> = {
  model: [],
  wire: ['model'],
  query: ['model'],
  disk: ['model'],
  agent: ['model', 'wire', 'disk'],
  aggregator: ['model', 'wire', 'query', 'disk'],
  cli: ['model', 'wire', 'query', 'disk', 'agent', 'aggregator'],
  web: ['model', 'query'],
};

/** Packages that stay behind one folder. */
const packageHomes: Readonly<Record<string, readonly string[]>> = {
  '@grpc/proto-loader': ['wire'],
  protobufjs: ['wire'],
  koffi: ['agent'],
  '@nats-io/transport-node': ['aggregator/cluster'],
  '@nats-io/jetstream': ['aggregator/cluster'],
  fastify: ['aggregator/serve'],
  commander: ['cli'],
  preact: ['web'],
  sigma: ['web'],
};

/** Generated or recorded by others. */
const foreign = ['test/fixtures', 'test/golden', 'package-lock.json', 'LICENSE'];

/** What no program runs yet, but benches do. */
const unwired = ['aggregator/shards/sharded-core.ts', 'aggregator/shards/shard-worker.ts'];

const files = filesBelow().filter(
  (path) => !foreign.some((each) => path === each || path.startsWith(`${each}/`)),
);
const sources = files.filter((path) => /\.(ts|tsx|mjs)$/.test(path) && !path.endsWith('.d.ts'));
const product = sources.filter((path) => layerOf(path) in layers);
const texts = files.filter((path) =>
  /\.(ts|tsx|mjs|sh|md|json|ya?ml|proto|html|css|svg)$|Dockerfile$|^bin\/|^\.ci\//.test(path),
);

function layerOf(path: string): string {
  return path.split('/', 1)[0]!;
}

function linesMatching(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    readSource(path)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

test('there are sources to look at', () => {
  expect(product.length).toBeGreaterThan(20);
});

test('every file begins with a comment that says what it is', () => {
  const bare = [...sources, ...files.filter((path) => path.endsWith('.sh'))].filter(
    (path) => !/^(?:#!.*\n)?(?:\/\*\*|\/\/|#) ?\S?/.test(readSource(path)),
  );
  expect(bare).toEqual([]);
});

test('folders import only what stands below them', () => {
  const wrong = product.flatMap((path) =>
    importsOf(path)
      .filter(({ own, target }) => own && layerOf(target) in layers)
      .filter(
        ({ target }) =>
          layerOf(target) !== layerOf(path) && !layers[layerOf(path)]!.includes(layerOf(target)),
      )
      .map(({ target }) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('the product imports nothing of tests, benches and scripts', () => {
  const wrong = product.flatMap((path) =>
    importsOf(path)
      .filter(({ own, target }) => own && /^(test|bench|soak|sim|fuzz|scripts|dist)\//.test(target))
      .map(({ target }) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('the model imports no package, and foreign packages stay behind their folder', () => {
  const wrong = product.flatMap((path) =>
    importsOf(path)
      .filter(({ own, typeOnly }) => !own && !typeOnly)
      .filter(({ target }) => {
        const homes = packageHomes[target];
        return (
          layerOf(path) === 'model' ||
          (homes !== undefined && !homes.some((home) => path.startsWith(`${home}/`)))
        );
      })
      .filter(({ target }) => !(layerOf(path) === 'model' && target.startsWith('node:')))
      .map(({ target }) => `${path} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test('random cases of tests are the same in every run', () => {
  const tests = sources.filter((path) => path.endsWith('.test.ts'));
  const own = tests.filter((path) => importsOf(path).some(({ target }) => target === 'fast-check'));
  expect(own).toEqual([]);
});

test('no import cycles', () => {
  expect(importCycles(sources).map((cycle) => cycle.join(' -> '))).toEqual([]);
});

test('relative imports are whole file names that exist', () => {
  const wrong = sources.flatMap((path) =>
    importsOf(path)
      .filter(({ own, target, specifier }) => own && !specifier.includes('/dist/') && !exists(target))
      .map(({ specifier }) => `${path} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test('every file of the product is reached from its entry points', () => {
  const bundled = readSource('vite.programs.config.ts');
  const programs = [...bundled.matchAll(/: path\('\.\/([^']+\.ts)'\)/g)].map((match) => match[1]!);
  const page = [...readSource('web/index.html').matchAll(/src="\.?\/?([^"]+\.tsx?)"/g)].map(
    (match) => `web/${match[1]}`,
  );
  expect([programs, page]).not.toContainEqual([]);
  const reached = reachableFrom([...programs, ...page, ...unwired]);
  expect(product.filter((path) => !reached.has(path) && !path.endsWith('.config.ts'))).toEqual([]);
});

test('every file of the tests, benches and scripts is used', () => {
  const isEntry = (path: string): boolean =>
    /\.(test|config)\.ts$|^(bench|soak)\/[^/]+\.ts$|^sim\/main\.ts$|^fuzz\/fuzz\.ts$|^scripts\/(setup|build|check|test|bench|soak|sim|fuzz)\.mjs$/.test(
      path,
    );
  const reached = reachableFrom(sources.filter(isEntry));
  const support = sources.filter((path) =>
    ['test', 'bench', 'soak', 'sim', 'fuzz', 'scripts'].includes(layerOf(path)),
  );
  expect(support.filter((path) => !reached.has(path))).toEqual([]);
});

test(`no file is longer than ${fileLinesMax} lines, no test file than ${testFileLinesMax}`, () => {
  const sizes = sources.map((path) => ({ path, lines: readSource(path).split('\n').length - 1 }));
  const maxOf = (path: string): number => (path.endsWith('.test.ts') ? testFileLinesMax : fileLinesMax);
  expect(sizes.filter(({ path, lines }) => lines > maxOf(path))).toEqual([]);
});

test(`no function is longer than ${functionLinesMax} lines`, () => {
  const long = sources.flatMap((path) =>
    longFunctions(readSource(path), functionLinesMax).map(
      ({ line, lines }) => `${path}:${line}: ${lines} lines`,
    ),
  );
  expect(long).toEqual([]);
});

test('longFunctions sees functions and methods', () => {
  const body = Array.from({ length: 4 }, (_, i) => `    x(${i});`).join('\n');
  const source = `function f() {\n${body}\n}\nclass C {\n  async #m(a: string): void {\n${body}\n  }\n  s() {\n    x();\n  }\n}\n`;
  expect(longFunctions(source, 5)).toEqual([
    { line: 1, lines: 6 },
    { line: 8, lines: 6 },
  ]);
});

test('file names are kebab-case and say what is inside', () => {
  const vague = /^(util|utils|helper|helpers|manager|common|misc|data|info)\b/;
  const wrong = sources.filter((path) => {
    const name = basename(path);
    return !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(name) || vague.test(name);
  });
  expect(wrong).toEqual([]);
});

test('nothing is left for later in the sources', () => {
  const word = new RegExp(`\\b(${['TO', 'DO'].join('')}|FIX${'ME'}|X${'XX'}|HA${'CK'})\\b`);
  expect(linesMatching(texts, word)).toEqual([]);
});

test('no path of somebody’s machine', () => {
  const path = new RegExp(`(^|[\\s"'\`(=])/(${['work', 'root', 'Users', 'home/[a-z]{2}[^/]*'].join('|')})/`);
  expect(linesMatching(texts, path)).toEqual([]);
});

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages: locked } = JSON.parse(readSource('package-lock.json')) as {
  packages: Record<string, LockedPackage>;
};

test('the lockfile names no registry: packages come from where the person who installs has them', () => {
  expect(Object.entries(locked).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});

// npm 11 refuses to install from a lockfile that leaves out a package of another platform, and npm itself leaves them
// out where its registry does not have them.
test('the lockfile has an entry for every optional package of every platform', () => {
  const missing = Object.values(locked)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => !Object.keys(locked).some((path) => path.endsWith(`node_modules/${name}`)));
  expect(missing).toEqual([]);
});

test('default exports stand in configuration files only', () => {
  const others = sources.filter((path) => !path.endsWith('.config.ts'));
  expect(linesMatching(others, /^export default /)).toEqual([]);
});

test('links in the documents lead somewhere', () => {
  const documents = files.filter((path) => path.endsWith('.md'));
  const broken = documents.flatMap((path) =>
    [...readSource(path).matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(path, link))
      .map((link) => `${path}: ${link}`),
  );
  expect(broken).toEqual([]);
});

function leadsSomewhere(from: string, link: string): boolean {
  const [file, anchor] = link.split('#', 2) as [string, string | undefined];
  const target = file === '' ? from : join(dirname(from), file);
  if (!exists(target)) return false;
  return anchor === undefined || headingAnchors(readSource(target)).includes(anchor);
}

/** Anchors as forges make them from headings. */
function headingAnchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
