/** Edges as Graphviz dot and as Mermaid, for documents and other tools. */
import type { EdgeDocument } from '../../model/document.ts';
import { plainText } from './plain-text.ts';

/** An edge that was seen from one end only is dashed, as in the page. */
function isOneSided(edge: EdgeDocument): boolean {
  return edge.seen.both === 0;
}

function label(edge: EdgeDocument): string {
  return `${edge.port}/${edge.protocol}`;
}

export function formatDot(edges: readonly EdgeDocument[]): string {
  const lines = edges.map((edge) => {
    const style = isOneSided(edge) ? ', style=dashed' : '';
    return `  ${dotString(edge.client)} -> ${dotString(edge.server)} [label=${dotString(label(edge))}${style}];\n`;
  });
  return `digraph whotalks {\n  rankdir=LR;\n  node [shape=box];\n${lines.join('')}}\n`;
}

function dotString(text: string): string {
  return `"${plainText(text).replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Nodes are numbered, since Mermaid has no quoting for identifiers. */
export function formatMermaid(edges: readonly EdgeDocument[]): string {
  const numbers = new Map<string, number>();
  for (const name of edges.flatMap((edge) => [edge.client, edge.server])) {
    if (!numbers.has(name)) numbers.set(name, numbers.size);
  }
  const nodes = [...numbers].map(([name, number]) => `  n${number}["${mermaidText(name)}"]\n`);
  const lines = edges.map((edge) => {
    const arrow = isOneSided(edge) ? '-.->' : '-->';
    return `  n${numbers.get(edge.client)} ${arrow}|"${label(edge)}"| n${numbers.get(edge.server)}\n`;
  });
  return `flowchart LR\n${nodes.join('')}${lines.join('')}`;
}

/** Mermaid's own escapes: `#` and a decimal character code. */
function mermaidText(text: string): string {
  return plainText(text).replaceAll(/["#&<>;]/g, (character) => `#${character.charCodeAt(0)};`);
}
