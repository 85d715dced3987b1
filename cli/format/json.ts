/** Documents as JSON. Characters that JSON may leave raw but a terminal acts upon are escaped: still the same values. */

const unsafe = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A document, indented by two. */
export function formatJson(document: object): string {
  return `${escapeUnsafe(JSON.stringify(document, null, 2))}\n`;
}

/** One line per row. */
export function formatNdjson(rows: readonly object[]): string {
  return rows.map((row) => `${escapeUnsafe(JSON.stringify(row))}\n`).join('');
}

function escapeUnsafe(json: string): string {
  return json.replace(unsafe, (character) => character.split('').map(escaped).join(''));
}

/** @param unit of UTF-16: letters beyond the basic plane are two */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
