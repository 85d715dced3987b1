/** Text that other people's processes chose, made safe for a terminal, and how wide a terminal shows it. */

/** Controls, line separators, lone surrogates, and the marks that turn or hide text: a name cannot move the cursor. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** What nearly every cell is made of, so that it is worth a look before anything else. */
const printableAscii = /^[ -~]*$/;

/** Unsafe characters become `\x1b` or `\u{202e}`; all others, and the width of plain text, stay. */
export function plainText(text: string): string {
  return isPrintableAscii(text) ? text : text.replace(unsafe, escaped);
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return `\\u{${code.toString(16)}}`;
}

/** Cells that a terminal takes for a text without unsafe characters. */
export function displayWidth(text: string): number {
  if (isPrintableAscii(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

const combining = /^\p{Mark}$/u;
/** East Asian wide and full-width blocks, and emoji. */
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

function characterWidth(character: string): number {
  if (combining.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** Whether a text is as wide as it is long, and safe as it is. Much text is quicker told together than cell by cell. */
export function isPrintableAscii(text: string): boolean {
  return printableAscii.test(text);
}

/** Cut to `width` cells, its last one an ellipsis when something is missing. */
export function cutToWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    const next = characterWidth(character);
    if (used + next > width - 1) break;
    kept += character;
    used += next;
  }
  return `${kept}…`;
}
