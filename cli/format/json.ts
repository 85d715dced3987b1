/** Documents as JSON. Characters that JSON may leave raw but a terminal acts upon are escaped: still the same values. */

const unsafe = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** A document, indented by two. */
export function formatJson(document: object): string {
  return `${escapeUnsafe(JSON.stringify(document, null, 2))}\n`;
}

/** One line per row. */
export function formatNdjson(rows: readonly object[]): string {
  return rows.map((row) => `${escapeUnsafe(JSON.stringify(row))}\n`).join('');
}

function escapeUnsafe(json: string): string {
  return json.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
