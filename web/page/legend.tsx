/** What the marks on the map mean: only those that are on it. */
import type { Drawing } from '../graph/drawing.ts';

export function Legend({ drawing }: { readonly drawing: Drawing }) {
  const bothEnds = drawing.edges.some((edge) => !edge.oneEnd);
  const oneEnd = drawing.edges.some((edge) => edge.oneEnd);
  const unobserved = [...drawing.services.values()].some((service) => !service.observed);
  return (
    <ul class="legend" aria-label="Legend">
      {bothEnds && (
        <li>
          <Sample kind="both-ends" /> both ends seen
        </li>
      )}
      {oneEnd && (
        <li>
          <Sample kind="one-end" /> one end seen
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

function Sample({ kind }: { readonly kind: 'both-ends' | 'one-end' }) {
  return (
    <svg class="lines" width="28" height="8" aria-hidden="true">
      <g class={kind}>
        <path class="line sample" d="M0 4H28" stroke-width="2" />
      </g>
    </svg>
  );
}
