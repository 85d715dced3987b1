/** Words before shapes: the sentence that answers the query, what is missing from it, and the choice of view. */
import { type Answer, isEmpty } from '../state/answer.ts';
import { type View, views } from '../state/place.ts';
import type { Session } from '../state/session.ts';
import { commandOf } from '../words/command.ts';
import { plural } from '../words/format.ts';
import { sentenceOf } from '../words/sentence.ts';
import { visibleText } from '../words/visible.ts';
import { CopyButton } from './copy-button.tsx';
import { Name } from './name.tsx';

interface Props {
  readonly session: Session;
  readonly answer: Answer;
}

const viewWords: Readonly<Record<View, string>> = { map: 'Map', table: 'Table' };

export function AnswerHead({ session, answer }: Props) {
  const { partial } = answer.map;
  return (
    <div class="head">
      <h1 aria-live="polite">{visibleText(sentenceOf(answer))}</h1>
      {partial.length > 0 && (
        <p class="partial">
          {plural(partial.length, 'host is', 'hosts are')} missing or old in this answer:{' '}
          {partial.map(({ host, reason }, i) => (
            <span key={host}>
              {i > 0 && ', '}
              <Name text={host} /> ({reason})
            </span>
          ))}
        </p>
      )}
      {!isEmpty(answer) && <Tools session={session} answer={answer} />}
    </div>
  );
}

/** The choice of view, what the views hold, and the way to the same answer in a terminal. */
function Tools({ session, answer }: Props) {
  const shown = session.place.value.view;
  return (
    <div class="tools">
      <nav class="views" aria-label="View">
        {views.map((view) => (
          <button
            key={view}
            type="button"
            aria-current={view === shown ? 'page' : undefined}
            onClick={() => session.show(view)}
          >
            {viewWords[view]}
          </button>
        ))}
      </nav>
      {answer.query === '' ? (
        <Suggestions session={session} answer={answer} />
      ) : (
        <span class="counts">{countsOf(answer)}</span>
      )}
      <CopyButton text={commandOf(answer.query)} label="Copy as CLI" />
    </div>
  );
}

/** What map and table hold, so that their choice is an informed one. */
function countsOf({ map, connections }: Answer): string {
  return `${plural(map.services.length, 'service')} · ${plural(connections.total, 'connection')}`;
}

/** How many of the most called services the first screen offers to ask about. */
const suggestionsMax = 3;

function Suggestions({ session, answer }: Props) {
  const busiest = answer.map.services
    .filter((service) => service.clients > 0)
    .sort((a, b) => b.clients - a.clients || (a.service < b.service ? -1 : 1))
    .slice(0, suggestionsMax);
  if (busiest.length === 0) return <span class="counts" />;
  return (
    <span class="counts suggestions">
      Who talks to{' '}
      {busiest.map(({ service }) => (
        <button key={service} type="button" class="link" onClick={() => session.ask(service)}>
          <Name text={service} />
        </button>
      ))}
    </span>
  );
}
