/** Sentences on terminals: broken between words, never inside one. */
import { displayWidth } from './plain-text.ts';

/** Cells that a line keeps however far it is indented. */
const textWidthMin = 20;

/**
 * One or more lines, the last without a line feed. A word that is longer than a line stays whole.
 * @param width cells per line; null = one line @param indent cells in front of every line but the first
 */
export function wrapText(text: string, width: number | null, indent = 0): string {
  if (width === null) return text;
  const room = Math.max(textWidthMin, width - indent);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > room) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
