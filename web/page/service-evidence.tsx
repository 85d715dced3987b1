/** Evidence for a service: where it runs, what it listens on, who calls it, whom it calls. */
import { type DrawnEdge, drawingOf } from '../graph/drawing.ts';
import type { Answer } from '../state/answer.ts';
import type { Session } from '../state/session.ts';
import { formatCount, plural } from '../words/format.ts';
import { Fact } from './fact.tsx';
import { Name } from './name.tsx';
import { Vanished } from './vanished.tsx';

interface Props {
  readonly session: Session;
  readonly answer: Answer;
  readonly name: string;
}

export function ServiceEvidence({ session, answer, name }: Props) {
  const drawing = drawingOf(answer.map);
  const drawn = drawing.services.get(name);
  const service = answer.map.services.find((entry) => entry.service === name);
  if (drawn === undefined) return <Vanished what="service" />;
  return (
    <>
      <h2>
        <Name text={name} />
      </h2>
      {!drawn.observed && (
        <p class="partial">No agent reports this end: what is known of it comes from its peers.</p>
      )}
      <dl>
        {drawn.hosts.length > 0 && (
          <Fact term={drawn.hosts.length === 1 ? 'Host' : 'Hosts'}>
            <Name text={drawn.hosts.join(', ')} />
          </Fact>
        )}
        {service !== undefined && drawn.observed && (
          <Fact term="Processes">{formatCount(service.instances)}</Fact>
        )}
        {drawn.ports.length > 0 && (
          <Fact term="Called on">
            <span class="address">{drawn.ports.map((port) => `:${port}`).join(' ')}</span>
          </Fact>
        )}
      </dl>
      <EdgeList
        session={session}
        title="Called by"
        edges={drawing.edges.filter((edge) => edge.server === name)}
        far="client"
      />
      <EdgeList
        session={session}
        title="Calls"
        edges={drawing.edges.filter((edge) => edge.client === name)}
        far="server"
      />
      <p class="actions">
        <button type="button" class="button" onClick={() => session.ask(name)}>
          Who talks to it
        </button>
      </p>
    </>
  );
}

interface EdgeListProps {
  readonly session: Session;
  readonly title: string;
  readonly edges: readonly DrawnEdge[];
  /** Which end of the edges is not the service itself. */
  readonly far: 'client' | 'server';
}

function EdgeList({ session, title, edges, far }: EdgeListProps) {
  if (edges.length === 0) return null;
  const busiestFirst = edges.toSorted((a, b) => b.open - a.open || (a[far] < b[far] ? -1 : 1));
  return (
    <>
      <h3>
        {title} {plural(edges.length, 'service')}
      </h3>
      <ul class="edges">
        {busiestFirst.map((edge) => (
          <li key={edge.id}>
            <button
              type="button"
              onClick={() => session.select({ kind: 'edge', client: edge.client, server: edge.server })}
            >
              <Name class="name" text={edge[far]} />
              <span class="quiet">
                {edge.parts.map((part) => `:${part.port}`).join(' ')}
                {edge.oneEnd && ' · one end'}
              </span>
              <span class="number" title="open connections">
                {formatCount(edge.open)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
