/** Evidence for a dependency: counts per port, since when, and its connections with the process at each end. */
import type { EdgeDocument } from '../../model/document.ts';
import { drawingOf, edgeId } from '../graph/drawing.ts';
import type { Answer } from '../state/answer.ts';
import type { Session } from '../state/session.ts';
import { endLabel, formatAge, formatCount, plural } from '../words/format.ts';
import { EndFacts } from './end-facts.tsx';
import { Fact } from './fact.tsx';
import { Name } from './name.tsx';
import { Vanished } from './vanished.tsx';

interface Props {
  readonly session: Session;
  readonly answer: Answer;
  readonly client: string;
  readonly server: string;
}

/** Connections shown with both ends; the table has the others. */
const shownConnectionsMax = 5;

export function EdgeEvidence({ session, answer, client, server }: Props) {
  const edge = drawingOf(answer.map).edges.find((drawn) => drawn.id === edgeId(client, server));
  if (edge === undefined) return <Vanished what="dependency" />;
  const connections = answer.connections.connections.filter(
    (connection) => endLabel(connection.client) === client && endLabel(connection.server) === server,
  );
  const more = connections.length - shownConnectionsMax;
  return (
    <>
      <h2>
        <ServiceLink session={session} name={client} /> <span class="quiet">→</span>{' '}
        <ServiceLink session={session} name={server} />
      </h2>
      {edge.parts.map((part) => (
        <PortFacts key={`${part.protocol}${part.port}`} part={part} asOf={answer.map.asOf} />
      ))}
      <h3>{plural(connections.length, 'connection')} of this query</h3>
      <ul class="conversations">
        {connections.slice(0, shownConnectionsMax).map((connection) => (
          <li key={connection.id}>
            <button type="button" onClick={() => session.select({ kind: 'connection', id: connection.id })}>
              <EndFacts side="client" end={connection.client} />
              <EndFacts side="server" end={connection.server} />
              <span class="quiet">
                {connection.state}, opened {formatAge(connection.openedAt, answer.map.asOf)} ago
              </span>
            </button>
          </li>
        ))}
      </ul>
      {more > 0 && (
        <button type="button" class="link" onClick={() => session.show('table')}>
          {formatCount(more)} more in the table
        </button>
      )}
    </>
  );
}

function ServiceLink({ session, name }: { readonly session: Session; readonly name: string }) {
  return (
    <button type="button" class="link" onClick={() => session.select({ kind: 'service', name })}>
      <Name text={name} />
    </button>
  );
}

function PortFacts({ part, asOf }: { readonly part: EdgeDocument; readonly asOf: string }) {
  return (
    <dl>
      <Fact term="Port">
        <span class="address">
          :{part.port}/{part.protocol}
        </span>
      </Fact>
      <Fact term="Connections">
        {formatCount(part.open)} open, {formatCount(part.total)} in all
      </Fact>
      <Fact term="First seen">{formatAge(part.firstSeenAt, asOf)} ago</Fact>
      <Fact term="Last seen">{formatAge(part.lastSeenAt, asOf)} ago</Fact>
      <Fact term="Seen by">{seenCounts(part)}</Fact>
    </dl>
  );
}

/** `12 by both ends, 1 by the server only`: what nobody saw is left out. */
function seenCounts({ seen }: EdgeDocument): string {
  const parts = [
    seen.both > 0 && `${formatCount(seen.both)} by both ends`,
    seen.client > 0 && `${formatCount(seen.client)} by the client only`,
    seen.server > 0 && `${formatCount(seen.server)} by the server only`,
  ];
  return parts.filter(Boolean).join(', ') || 'nobody';
}
