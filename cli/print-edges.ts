/** Prints edges: as a list, or drawn. */
import type { EdgeDocument } from '../model/document.ts';
import { edgeColumns } from './columns/edges.ts';
import { formatDot, formatMermaid } from './format/graph.ts';
import type { OutputFormat } from './format/output-format.ts';
import type { CommonSettings } from './invocation.ts';
import type { CliIo } from './io.ts';
import { formatListing } from './print.ts';

/** @param document the whole answer, for `json` */
export function formatEdges(
  io: CliIo,
  settings: CommonSettings,
  format: OutputFormat,
  document: { readonly asOf: string; readonly edges: readonly EdgeDocument[] },
): string {
  if (format === 'dot') return formatDot(document.edges);
  if (format === 'mermaid') return formatMermaid(document.edges);
  return formatListing(io, settings, format, { document, rows: document.edges, columns: edgeColumns() });
}
