/** What the marks on the map mean: only those that are on it. */
import type { Drawing } from '../graph/drawing.ts';

interface Props {
  readonly drawing: Drawing;
  /** The overview has no dashes: there one end seen is told by colour and by a thinner line. */
  readonly form: 'columns' | 'overview';
}

export function Legend({ drawing, form }: Props) {
  const bothEnds = drawing.edges.some((edge) => !edge.oneEnd);
  const oneEnd = drawing.edges.some((edge) => edge.oneEnd);
  const unobserved = [...drawing.services.values()].some((service) => !service.observed);
  return (
    <ul class="legend" aria-label="Legend">
      {bothEnds && (
        <li>
          <Sample kind="both-ends" isDashed={false} /> both ends seen
        </li>
      )}
      {oneEnd && (
        <li>
          <Sample kind="one-end" isDashed={form === 'columns'} /> one end seen
        </li>
      )}
      {unobserved && (
        <li>
          <span class="swatch unobserved" aria-hidden="true" /> no agent
        </li>
      )}
      <li>arrow points at the server, width = open connections</li>
    </ul>
  );
}

interface SampleProps {
  readonly kind: 'both-ends' | 'one-end';
  readonly isDashed: boolean;
}

function Sample({ kind, isDashed }: SampleProps) {
  return (
    <svg class="lines" width="28" height="8" aria-hidden="true">
      <g class={kind}>
        <path class={isDashed ? 'line sample' : 'line sample plain'} d="M0 4H28" stroke-width="2" />
      </g>
    </svg>
  );
}
