/** The page's first load stays small: a map is opened over slow lines, from jump hosts, in a hurry. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildPage, patienceMs } from './browser.ts';

/** Bytes after gzip of all script and style, the large map's and its worker's included. */
const firstLoadMax = 120 * 1000;

describe('the built page', () => {
  it('weighs at most 120 kB', { timeout: 2 * patienceMs }, async () => {
    const root = await buildPage();
    const assets = join(root, 'assets');
    const names = await readdir(assets);
    const sizes = await Promise.all(
      names.map(async (name) => gzipSync(await readFile(join(assets, name))).length),
    );
    await rm(root, { recursive: true });
    expect(names.map((name) => name.replace(/-.{8}\./, '.')).sort()).toEqual([
      'force-worker.js',
      'index.css',
      'index.js',
      'overview.js',
    ]);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(firstLoadMax);
  });
});
