/** No hosts yet, or nothing found: says what was searched, over what coverage, and what to do. */
import type { AboutDocument } from '../../model/document.ts';
import type { Answer } from '../state/answer.ts';
import { joining } from '../words/command.ts';
import { coverageOf, formatCoverage } from '../words/coverage.ts';
import { formatClock } from '../words/format.ts';
import { visibleText } from '../words/visible.ts';

export function EmptyState({ answer }: { readonly answer: Answer }) {
  const coverage = coverageOf(answer.hosts.hosts);
  if (coverage.hosts === 0) {
    return (
      <section class="empty">
        <p>The aggregator is here and waits for agents. On each host that you want to see, run:</p>
        <HowToJoin about={answer.about} />
        <p class="quiet">The map appears as soon as the first agent has looked around.</p>
      </section>
    );
  }
  return (
    <section class="empty">
      <p>
        {answer.query === '' ? (
          'No connection'
        ) : (
          <>
            No connection that matches <code>{visibleText(answer.query)}</code>
          </>
        )}{' '}
        is open or was closed recently, as of {formatClock(answer.map.asOf)}; {formatCoverage(coverage)}.
      </p>
      <p>What runs on a host without an agent is invisible unless it talks to one that has. To add a host:</p>
      <HowToJoin about={answer.about} />
    </section>
  );
}

function HowToJoin({ about }: { readonly about: AboutDocument }) {
  const { command, obstacle } = joining(location, about);
  return (
    <>
      <pre class="command">{command}</pre>
      {obstacle !== null && <p class="obstacle">{obstacle}</p>}
    </>
  );
}
