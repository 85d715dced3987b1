/** A small map: cards in columns, callers left. Cards are HTML, so text, focus and touch are the browser's own. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { placeInColumns, type Slots } from '../graph/columns.ts';
import type { Drawing, DrawnService } from '../graph/drawing.ts';
import { columnsOf, type Geometry, geometryOf, metricFor } from '../graph/geometry.ts';
import { isArrowKey, stepFrom } from '../graph/walk.ts';
import type { Answer } from '../state/answer.ts';
import { focusOf, isNear } from '../state/selected.ts';
import type { Session } from '../state/session.ts';
import { Legend } from './legend.tsx';
import { Lines } from './lines.tsx';
import { ServiceCard } from './service-card.tsx';

interface Props {
  readonly session: Session;
  readonly answer: Answer;
  readonly drawing: Drawing;
}

export function ColumnsMap({ session, answer, drawing }: Props) {
  const slots = useRef<Slots>(new Map());
  slots.current = placeInColumns(drawing, slots.current);
  const box = useRef<HTMLDivElement>(null);
  const metric = metricFor(columnsOf(slots.current), useWidth(box));
  const geometry = geometryOf(slots.current, metric);
  useLayoutEffect(() => {
    box.current!.querySelector('.card.focus')?.scrollIntoView({ block: 'center', inline: 'center' });
  }, []);
  const { selection } = session.place.value;
  const focus = focusOf(answer);
  const [entry, setEntry] = useState<string | null>(null);
  const first = entry !== null && drawing.services.has(entry) ? entry : entryOf(drawing, focus);
  return (
    <section class="map columns" aria-label="Map of services" data-services={drawing.services.size}>
      <div class="scroll" ref={box}>
        <div class="sheet" ref={sizeTo(geometry)}>
          <Lines session={session} drawing={drawing} geometry={geometry} metric={metric} />
          {[...drawing.services.values()].map((service: DrawnService) => (
            <ServiceCard
              key={service.name}
              service={service}
              corner={geometry.corners.get(service.name)!}
              width={metric.cardWidth}
              isFocus={focus.has(service.name)}
              isSelected={selection?.kind === 'service' && selection.name === service.name}
              isDim={!isNear(service.name, selection, drawing)}
              isTabStop={service.name === first}
              onFocus={() => setEntry(service.name)}
              onKeyDown={(event) => walk(event, geometry)}
              onSelect={() => session.select({ kind: 'service', name: service.name })}
            />
          ))}
        </div>
      </div>
      <Legend drawing={drawing} form="columns" />
    </section>
  );
}

/** Tab enters the map at the service that was asked about, else at the first; arrows go on from there. */
function entryOf(drawing: Drawing, focus: ReadonlySet<string>): string | null {
  for (const name of drawing.services.keys()) if (focus.has(name)) return name;
  return drawing.services.keys().next().value ?? null;
}

function walk(event: KeyboardEvent & { currentTarget: HTMLElement }, geometry: Geometry): void {
  const from = event.currentTarget.dataset['service'];
  if (from === undefined || !isArrowKey(event.key)) return;
  event.preventDefault();
  const next = stepFrom(from, event.key, geometry.corners);
  for (const card of event.currentTarget.parentElement!.querySelectorAll<HTMLElement>('[data-service]')) {
    if (card.dataset['service'] === next) card.focus();
  }
}

/** Sizes go through the style object: the page's security policy forbids style attributes in markup. */
function sizeTo(geometry: Geometry): (element: HTMLElement | null) => void {
  return (element) => {
    if (element === null) return;
    element.style.width = `${geometry.width}px`;
    element.style.height = `${geometry.height}px`;
  };
}

/** Width of an element in pixels, kept current. That of the window until it is measured. */
function useWidth(box: RefObject<HTMLElement>): number {
  const [width, setWidth] = useState(innerWidth);
  useLayoutEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    setWidth(element.clientWidth);
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return width;
}
