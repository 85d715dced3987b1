/** The side panel: the evidence for what is selected. */
import type { Answer } from '../state/answer.ts';
import type { Session } from '../state/session.ts';
import { ConnectionEvidence } from './connection-evidence.tsx';
import { EdgeEvidence } from './edge-evidence.tsx';
import { ServiceEvidence } from './service-evidence.tsx';

interface Props {
  readonly session: Session;
  readonly answer: Answer;
}

export function Evidence({ session, answer }: Props) {
  const { selection } = session.place.value;
  if (selection === null) return null;
  return (
    <aside class="evidence" aria-label="Evidence">
      <button type="button" class="close" aria-label="Close evidence" onClick={() => session.select(null)}>
        ×
      </button>
      {selection.kind === 'service' && (
        <ServiceEvidence session={session} answer={answer} name={selection.name} />
      )}
      {selection.kind === 'edge' && (
        <EdgeEvidence session={session} answer={answer} client={selection.client} server={selection.server} />
      )}
      {selection.kind === 'connection' && <ConnectionEvidence answer={answer} id={selection.id} />}
    </aside>
  );
}
