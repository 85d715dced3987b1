/** One row per connection with both its ends: the complete equivalent of the map. */
import { useMemo } from 'preact/hooks';
import type { ConnectionDocument, EndDocument } from '../../model/document.ts';
import type { Answer } from '../state/answer.ts';
import type { SortKey } from '../state/place.ts';
import { sortConnections } from '../state/rows.ts';
import type { Session } from '../state/session.ts';
import { endLabel, formatAge, formatCount, formatEnd, formatProcess } from '../words/format.ts';
import { seenWords } from '../words/seen.ts';
import { Name } from './name.tsx';

interface Props {
  readonly session: Session;
  readonly answer: Answer;
}

const columns: readonly { readonly key: SortKey; readonly word: string }[] = [
  { key: 'client', word: 'Client' },
  { key: 'server', word: 'Server' },
  { key: 'state', word: 'State' },
  { key: 'seen', word: 'Seen' },
  { key: 'opened', word: 'Opened' },
];

export function ConnectionTable({ session, answer }: Props) {
  const { sort, selection } = session.place.value;
  const { connections, total } = answer.connections;
  const rows = useMemo(() => sortConnections(connections, sort), [connections, sort]);
  return (
    <section class="table" aria-label="Connections">
      <table>
        <thead>
          <tr>
            {columns.map(({ key, word }) => (
              <SortHeader key={key} session={session} sortKey={key} word={word} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((connection) => (
            <Row
              key={connection.id}
              connection={connection}
              asOf={answer.connections.asOf}
              isSelected={selection?.kind === 'connection' && selection.id === connection.id}
              onSelect={() => session.select({ kind: 'connection', id: connection.id })}
            />
          ))}
        </tbody>
      </table>
      <p class="quiet foot">
        {rows.length < total
          ? `${formatCount(rows.length)} of ${formatCount(total)} connections. Narrow the query to see the others.`
          : `All ${formatCount(total)} connections of this query.`}
      </p>
    </section>
  );
}

interface SortHeaderProps {
  readonly session: Session;
  readonly sortKey: SortKey;
  readonly word: string;
}

function SortHeader({ session, sortKey, word }: SortHeaderProps) {
  const { sort } = session.place.value;
  const isSorted = sort.key === sortKey;
  const direction = sort.descending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={sortKey} aria-sort={isSorted ? direction : 'none'}>
      <button
        type="button"
        onClick={() =>
          session.sortBy({ key: sortKey, descending: isSorted ? !sort.descending : sortKey === 'opened' })
        }
      >
        {word}
        <span aria-hidden="true">{isSorted ? (sort.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </th>
  );
}

interface RowProps {
  readonly connection: ConnectionDocument;
  readonly asOf: string;
  readonly isSelected: boolean;
  readonly onSelect: () => void;
}

function Row({ connection, asOf, isSelected, onSelect }: RowProps) {
  const { client, server, state, seen, openedAt, closedAt } = connection;
  return (
    <tr class={isSelected ? 'selected' : ''} aria-selected={isSelected} onClick={onSelect}>
      <td class="client">
        <button type="button" class="row-button">
          <EndCell end={client} />
        </button>
      </td>
      <td class="server">
        <EndCell end={server} />
      </td>
      <td class="state">{state}</td>
      <td class={`seen ${seen === 'both' ? '' : 'one-end'}`}>{seenWords[seen]}</td>
      <td class="opened" title={openedAt}>
        {formatAge(openedAt, asOf)}
        {closedAt !== null && <span class="quiet"> · closed</span>}
      </td>
    </tr>
  );
}

/** Name and process, host and address: two short lines. */
function EndCell({ end }: { readonly end: EndDocument }) {
  const process = formatProcess(end);
  return (
    <>
      <span class="who">
        <Name class="name" text={endLabel(end)} />{' '}
        {process !== null && <Name class="process" text={process} />}
      </span>
      <span class="where">
        {end.host !== null && (
          <>
            <Name text={end.host} />{' '}
          </>
        )}
        <span class="address">{formatEnd(end)}</span>
      </span>
    </>
  );
}
