/** The values of `-o`. Every list knows the first five; maps and dependencies are drawn too. */

export const listFormats = ['table', 'wide', 'json', 'ndjson', 'csv'] as const;
export const graphFormats = [...listFormats, 'dot', 'mermaid'] as const;

export type ListFormat = (typeof listFormats)[number];
export type OutputFormat = (typeof graphFormats)[number];
