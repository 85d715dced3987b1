/** The lines of the column diagram. Each has a wide invisible twin, so that a finger or a pointer finds it. */
import type { Drawing, DrawnEdge } from '../graph/drawing.ts';
import { type Geometry, linePath, lineWidth, type Metric } from '../graph/geometry.ts';
import type { Selection } from '../state/place.ts';
import type { Session } from '../state/session.ts';
import { plural } from '../words/format.ts';
import { visibleText } from '../words/visible.ts';

interface Props {
  readonly session: Session;
  readonly drawing: Drawing;
  readonly geometry: Geometry;
  readonly metric: Metric;
}

export function Lines({ session, drawing, geometry, metric }: Props) {
  const { selection } = session.place.value;
  return (
    <svg class="lines" width={geometry.width} height={geometry.height} aria-hidden="true">
      <defs>
        <ArrowHead id="head" />
        <ArrowHead id="head-one-end" />
        <ArrowHead id="head-selected" />
      </defs>
      {inPaintingOrder(drawing.edges, selection).map((edge) => {
        const path = linePath(geometry.corners.get(edge.client)!, geometry.corners.get(edge.server)!, metric);
        return (
          <g key={edge.id} class={lineClass(edge, selection)}>
            <path class="line" d={path} stroke-width={lineWidth(edge.open)} />
            {/* biome-ignore lint/a11y/noStaticElementInteractions: by keyboard an edge is reached from its services' evidence */}
            <path
              class="grip"
              d={path}
              onClick={() => session.select({ kind: 'edge', client: edge.client, server: edge.server })}
            >
              <title>{titleOf(edge)}</title>
            </path>
          </g>
        );
      })}
    </svg>
  );
}

function ArrowHead({ id }: { readonly id: string }) {
  return (
    <marker
      id={id}
      viewBox="0 0 9 9"
      refX="1"
      refY="4.5"
      markerWidth="9"
      markerHeight="9"
      orient="auto"
      markerUnits="userSpaceOnUse"
    >
      <path d="M0 0 9 4.5 0 9z" />
    </marker>
  );
}

/** The chosen lines last: what is painted later lies on top. */
function inPaintingOrder(edges: readonly DrawnEdge[], selection: Selection | null): readonly DrawnEdge[] {
  return edges.toSorted((a, b) => Number(isChosen(a, selection)) - Number(isChosen(b, selection)));
}

function isChosen(edge: DrawnEdge, selection: Selection | null): boolean {
  if (selection?.kind === 'edge') return edge.client === selection.client && edge.server === selection.server;
  return selection?.kind === 'service' && (edge.client === selection.name || edge.server === selection.name);
}

function lineClass(edge: DrawnEdge, selection: Selection | null): string {
  const state = edge.oneEnd ? 'one-end' : 'both-ends';
  if (selection === null || selection.kind === 'connection') return state;
  return `${state} ${isChosen(edge, selection) ? 'selected' : 'dim'}`;
}

function titleOf(edge: DrawnEdge): string {
  const ports = edge.parts.map((part) => `:${part.port}`).join(' ');
  return `${visibleText(edge.client)} → ${visibleText(edge.server)} ${ports}, ${plural(edge.open, 'open connection')}`;
}
