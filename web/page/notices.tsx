/** What stands between the person and a current, whole answer. */
import type { Session } from '../state/session.ts';
import { formatClock } from '../words/format.ts';

export function Notices({ session }: { readonly session: Session }) {
  const reach = session.reach.value;
  const answer = session.answer.value;
  if (reach.kind === 'asking' && answer === null) {
    return (
      <p class="notice quiet" role="status">
        Asking the aggregator …
      </p>
    );
  }
  if (reach.kind !== 'away') return null;
  return (
    <p class="notice away" role="status">
      <strong>Away since {formatClock(reach.sinceMs)}:</strong> {reach.reason}.{' '}
      {answer === null
        ? 'Trying again until it does.'
        : `Shown is the fleet as of ${formatClock(answer.map.asOf)}; trying again until it answers.`}
    </p>
  );
}
