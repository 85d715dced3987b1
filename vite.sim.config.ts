/**
 * Bundles the simulation with the sources that it runs into dist/sim/program: in one file V8 runs it twice as fast as in modules of
 * their own.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  publicDir: false,
  envDir: false,
  build: {
    ssr: true,
    outDir: path('./dist/sim/program'),
    emptyOutDir: true,
    target: 'es2023',
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      input: { main: path('./sim/main.ts') },
      output: { format: 'es', comments: false, entryFileNames: '[name].js', chunkFileNames: '[name].js' },
    },
  },
});
