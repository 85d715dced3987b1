/** Evidence for one connection: both ends whole, times, and how direction and ends were established. */
import type { ConnectionDocument, EndDocument } from '../../model/document.ts';
import type { Answer } from '../state/answer.ts';
import { endLabel, formatAge } from '../words/format.ts';
import { directionWords, seenWords, unseenWords } from '../words/seen.ts';
import { visibleText } from '../words/visible.ts';
import { EndFacts } from './end-facts.tsx';
import { Fact } from './fact.tsx';
import { Name } from './name.tsx';
import { Vanished } from './vanished.tsx';

interface Props {
  readonly answer: Answer;
  readonly id: string;
}

export function ConnectionEvidence({ answer, id }: Props) {
  const connection = answer.connections.connections.find((row) => row.id === id);
  if (connection === undefined) return <Vanished what="connection" />;
  const { asOf } = answer.connections;
  return (
    <>
      <h2>
        <Name text={endLabel(connection.client)} /> <span class="quiet">→</span>{' '}
        <Name text={endLabel(connection.server)} /> <span class="address">:{connection.server.port}</span>
      </h2>
      <End side="client" end={connection.client} />
      <End side="server" end={connection.server} />
      <dl>
        <Fact term="State">
          {connection.protocol} {connection.state}
        </Fact>
        <Fact term="Opened">{formatAge(connection.openedAt, asOf)} ago</Fact>
        {connection.closedAt !== null && (
          <Fact term="Closed">{formatAge(connection.closedAt, asOf)} ago</Fact>
        )}
        <Fact term="Last seen">{formatAge(connection.lastSeenAt, asOf)} ago</Fact>
        <Fact term="Seen">{seenOf(connection)}</Fact>
        <Fact term="Direction">{directionWords[connection.direction]}</Fact>
        {connection.nat !== null && (
          <Fact term="Translated">
            <span class="address">{connection.nat.clientDialed}</span> was dialed,{' '}
            <span class="address">{connection.nat.serverSaw}</span> arrived
          </Fact>
        )}
      </dl>
    </>
  );
}

function End({ side, end }: { readonly side: 'client' | 'server'; readonly end: EndDocument }) {
  const runsIn = end.podName ?? end.containerName ?? end.unit ?? end.pod ?? end.container;
  return (
    <div class="end-block">
      <EndFacts side={side} end={end} />
      {(end.cmdline ?? end.exe) !== null && (
        <code class="cmdline">{visibleText(end.cmdline ?? end.exe ?? '')}</code>
      )}
      {runsIn !== null && (
        <span class="quiet">
          in <Name text={runsIn} />
        </span>
      )}
    </div>
  );
}

function seenOf({ seen, unseenBecause }: ConnectionDocument): string {
  return unseenBecause === null ? seenWords[seen] : `${seenWords[seen]}: ${unseenWords[unseenBecause]}`;
}
