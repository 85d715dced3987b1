/** The chosen view of the answer; the table stands in where a map cannot be drawn. */
import { useMemo, useRef } from 'preact/hooks';
import { fitsColumns } from '../graph/columns.ts';
import { type Drawing, drawingOf } from '../graph/drawing.ts';
import { hasWebgl } from '../overview/webgl.ts';
import type { Answer } from '../state/answer.ts';
import { focusOf } from '../state/selected.ts';
import type { Session } from '../state/session.ts';
import { formatCount } from '../words/format.ts';
import { ColumnsMap } from './columns-map.tsx';
import { ConnectionTable } from './connection-table.tsx';
import { OverviewMap } from './overview-map.tsx';

interface Props {
  readonly session: Session;
  readonly answer: Answer;
}

/** Above this the overview is a smear on most screens and slow on those without a GPU. Clusters will raise it. */
const overviewServicesMax = 2000;

export function ViewArea({ session, answer }: Props) {
  const drawing = useMemo(() => drawingOf(answer.map), [answer.map]);
  const form = useMapForm(drawing, answer);
  if (session.place.value.view === 'table') return <ConnectionTable session={session} answer={answer} />;
  if (form === 'columns')
    return <ColumnsMap key={answer.query} session={session} answer={answer} drawing={drawing} />;
  const hindrance = overviewHindrance(drawing);
  if (hindrance === null) return <OverviewMap key={answer.query} session={session} drawing={drawing} />;
  return (
    <>
      <p class="notice">{hindrance}</p>
      <ConnectionTable session={session} answer={answer} />
    </>
  );
}

/** Within one query the form only ever grows from columns to overview: a fleet at the border must not make it flicker. */
function useMapForm(drawing: Drawing, answer: Answer): 'columns' | 'overview' {
  const { query } = answer;
  const chosen = useRef({ query, isLarge: false });
  if (chosen.current.query !== query) chosen.current = { query, isLarge: false };
  const hasFocus = [...focusOf(answer)].some((name) => drawing.services.has(name));
  if (!fitsColumns(drawing, hasFocus)) chosen.current.isLarge = true;
  return chosen.current.isLarge ? 'overview' : 'columns';
}

function overviewHindrance(drawing: Drawing): string | null {
  if (!hasWebgl()) {
    return `This browser has no WebGL, which a map of ${formatCount(drawing.services.size)} services needs. The table shows the same query; a narrower query is drawn without it.`;
  }
  if (drawing.services.size <= overviewServicesMax) return null;
  return `${formatCount(drawing.services.size)} services are too many for one map (at most ${formatCount(overviewServicesMax)}). The table shows the same query; narrow it to see a map.`;
}
