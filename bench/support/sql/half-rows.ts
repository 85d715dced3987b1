/** Halves as rows of text, for databases that load files. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Stream } from '../half-stream.ts';

/** Rows that are written at a time. */
const chunkRows = 20_000;

/** Writes one row per half in their order: the columns of joins.ts, with tabs between them. */
export function writeHalfRows({ halves }: Stream, path: string): void {
  const { holder, slot, local, remote, ports } = halves;
  const { length } = slot;
  const file = openSync(path, 'w');
  try {
    for (let from = 0; from < length; from += chunkRows) {
      let text = '';
      for (let i = from; i < Math.min(length, from + chunkRows); i++) {
        const packed = ports[i]!;
        text += `${holder[i]}\t${slot[i]}\t${local[i]}\t${remote[i]}\t${packed >>> 16}\t${packed & 0xffff}\n`;
      }
      writeSync(file, text);
    }
  } finally {
    closeSync(file);
  }
}
