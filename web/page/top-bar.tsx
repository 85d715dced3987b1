/** The bar that is always there: search, live or paused, as of when, coverage. */
import type { RefObject } from 'preact';
import type { Session } from '../state/session.ts';
import { coverageOf, formatCoverage } from '../words/coverage.ts';
import { formatClock } from '../words/format.ts';
import { Name } from './name.tsx';
import { SearchBox } from './search-box.tsx';

interface Props {
  readonly session: Session;
  readonly searchBox: RefObject<HTMLInputElement>;
}

export function TopBar({ session, searchBox }: Props) {
  return (
    <header class="bar">
      <a
        class="brand"
        href="./"
        onClick={(event) => {
          event.preventDefault();
          session.ask('');
        }}
      >
        whotalks
      </a>
      <SearchBox session={session} searchBox={searchBox} />
      <div class="truth">
        <Warnings session={session} />
        <LiveButton session={session} />
        <CoverageDetails session={session} />
        <WhoIsHere session={session} />
      </div>
    </header>
  );
}

/** Nothing where nobody has to log in. */
function WhoIsHere({ session }: { readonly session: Session }) {
  const who = session.who.value;
  if (who === null) return null;
  return (
    <span class="who" title={`logged in as ${who.name}, who may ${who.roles.join(', ')}`}>
      <Name text={who.name} />
      <button type="button" class="link" onClick={() => void session.logout()}>
        log out
      </button>
    </span>
  );
}

/** What must not be overlooked about everything else on the page. */
function Warnings({ session }: { readonly session: Session }) {
  const answer = session.answer.value;
  return (
    <>
      {answer?.map.demo === true && (
        <strong class="mark" title="Simulated hosts are in this picture">
          DEMO
        </strong>
      )}
      {answer?.about.insecure === true && (
        <strong class="mark" title="Plaintext without authorisation: whoever is on the way reads and forges">
          insecure
        </strong>
      )}
    </>
  );
}

function LiveButton({ session }: { readonly session: Session }) {
  const paused = session.paused.value;
  const away = session.reach.value.kind === 'away';
  const asOf = session.answer.value?.map.asOf;
  const word = paused ? 'paused' : away ? 'away' : 'live';
  return (
    <button
      type="button"
      class={`live ${word}`}
      aria-pressed={paused}
      title={paused ? 'Follow the fleet again' : 'Hold this picture'}
      onClick={() => {
        session.setPaused(!paused);
        if (paused) void session.refresh();
      }}
    >
      <span class="lamp" aria-hidden="true" />
      {word}
      {asOf !== undefined && (
        <time dateTime={asOf} title={`as of ${asOf}`}>
          {formatClock(asOf)}
        </time>
      )}
    </button>
  );
}

function CoverageDetails({ session }: { readonly session: Session }) {
  const answer = session.answer.value;
  if (answer === null) return <span class="coverage quiet">coverage unknown</span>;
  const coverage = coverageOf(answer.hosts.hosts);
  const isWhole = coverage.hosts > 0 && coverage.reporting === coverage.hosts;
  return (
    <details class="coverage">
      <summary class={isWhole ? '' : 'lacking'} title={formatCoverage(coverage)}>
        coverage {coverage.reporting}/{coverage.hosts}
      </summary>
      <div class="popover">
        <p>{formatCoverage(coverage)}.</p>
        {coverage.faults.length > 0 && (
          <ul>
            {coverage.faults.map(({ host, fault }) => (
              <li key={host}>
                <Name text={host} /> <span class="quiet">{fault}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </details>
  );
}
