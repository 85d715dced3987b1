/**
 * Bundles what bin/whotalks runs into dist/program, in few files: to open and link a file takes a program that is over at
 * once longer than all that stands in it. For the same reason they are CommonJS, which Node.js loads without its machinery
 * for modules.
 *
 *     sieve         what an aggregator and its thread for questions (sieve-worker, a program of its own) share
 *     main          what every command begins with, and all of `sockets`
 *     scan          what scans again and again
 *     agent         what an agent adds
 *     aggregator    what an aggregator adds
 *     the others    one for each command, and one for each part that several of them share
 *
 * Packages stay where npm has put them, but for the one that every command begins with.
 *
 * All is ASCII: V8 keeps the source of what it has loaded, and takes two bytes for each character of a file in which one
 * stands that is not Latin. That would be 400 KB of every agent.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/** Modules that are loaded together, with all that they import. What several groups want is in the first of them. */
const groups = [
  { name: 'sieve', test: /aggregator\/lookup\/row-sieve\.ts$/ },
  { name: 'main', test: /cli\/(main|verbs\/sockets)\.ts$|agent\/collect\/one-look-collector\.ts$/ },
  { name: 'scan', test: /agent\/collect\/(ebpf-collector|one-look-details)\.ts$/ },
  { name: 'agent', test: /cli\/verbs\/agent\.ts$|agent\/events\/ebpf-source\.ts$/ },
  { name: 'aggregator', test: /cli\/verbs\/(up|aggregator)\.ts$/ },
];

/** Comments are left out, so all that is escaped stands in texts. */
const asciiOnly: Plugin = {
  name: 'ascii-only',
  generateBundle: (_, bundle) => {
    for (const file of Object.values(bundle)) {
      if (file.type === 'chunk') file.code = file.code.replaceAll(/[^\0-\x7f]/g, escaped);
    }
  },
};

/** Of one UTF-16 unit. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  plugins: [asciiOnly],
  publicDir: false,
  envDir: false,
  ssr: { noExternal: ['commander'] },
  build: {
    ssr: true,
    outDir: path('./dist/program'),
    emptyOutDir: true,
    target: 'es2023',
    minify: false,
    rolldownOptions: {
      input: {
        main: path('./cli/main.ts'),
        'sieve-worker': path('./aggregator/lookup/sieve-worker.ts'),
      },
      output: {
        format: 'cjs',
        dynamicImportInCjs: false,
        comments: false,
        entryFileNames: '[name].cjs',
        chunkFileNames: '[name].cjs',
        codeSplitting: { groups },
      },
    },
  },
});
