/** A large map: WebGL, arranged by force in a worker. Its code loads only when it is needed. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Drawing } from '../graph/drawing.ts';
import type { Overview } from '../overview/overview.ts';
import type { Session } from '../state/session.ts';
import { plural } from '../words/format.ts';
import { Legend } from './legend.tsx';

interface Props {
  readonly session: Session;
  readonly drawing: Drawing;
}

export function OverviewMap({ session, drawing }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [overview, setOverview] = useState<Overview | null>(null);
  const [state, setState] = useState<'arranging' | 'drawn' | 'failed'>('arranging');
  const { selection } = session.place.value;
  useEffect(() => {
    let made: Overview | null = null;
    let isGone = false;
    import('../overview/overview.ts')
      .then(({ createOverview }) => {
        if (isGone) return;
        made = createOverview(box.current!, (chosen) => session.select(chosen));
        setOverview(made);
      })
      .catch(() => setState('failed'));
    return () => {
      isGone = true;
      made?.destroy();
    };
  }, [session]);
  useEffect(() => {
    overview?.show(drawing).then(
      () => setState('drawn'),
      () => setState('failed'),
    );
  }, [overview, drawing]);
  useEffect(() => overview?.select(selection), [overview, selection, state]);
  return (
    <section
      class="map overview"
      aria-label={`Map of ${plural(drawing.services.size, 'service')}; the table view lists the same`}
      data-services={drawing.services.size}
      data-state={state}
    >
      <div class="stage" ref={box} />
      {state === 'arranging' && (
        <p class="stage-note">Arranging {plural(drawing.services.size, 'service')} …</p>
      )}
      {state === 'failed' && (
        <p class="stage-note">The map cannot be drawn here. The table has the same query.</p>
      )}
      {overview !== null && (
        <div class="zoom">
          <button type="button" aria-label="Zoom in" onClick={() => overview.zoom('in')}>
            +
          </button>
          <button type="button" aria-label="Zoom out" onClick={() => overview.zoom('out')}>
            −
          </button>
          <button type="button" onClick={() => overview.zoom('fit')}>
            Fit
          </button>
        </div>
      )}
      <Legend drawing={drawing} form="overview" />
    </section>
  );
}
