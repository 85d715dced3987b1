/** The whole page: bar, answer, view of the query, evidence. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { isEmpty } from '../state/answer.ts';
import type { Session } from '../state/session.ts';
import { AnswerHead } from './answer-head.tsx';
import { EmptyState } from './empty-state.tsx';
import { Evidence } from './evidence.tsx';
import { KeyList } from './key-list.tsx';
import { installKeys } from './keys.ts';
import { Login } from './login.tsx';
import { Notices } from './notices.tsx';
import { TopBar } from './top-bar.tsx';
import { ViewArea } from './view-area.tsx';

export function Page({ session }: { readonly session: Session }) {
  const searchBox = useRef<HTMLInputElement>(null);
  const [keysShown, setKeysShown] = useState(false);
  useEffect(
    () =>
      installKeys({
        search: () => searchBox.current?.select(),
        show: (view) => session.show(view),
        back: () => session.select(null),
        help: () => setKeysShown((shown) => !shown),
      }),
    [session],
  );
  const answer = session.answer.value;
  const reach = session.reach.value;
  const hasEvidence = session.place.value.selection !== null && answer !== null;
  return (
    <>
      {reach.kind === 'locked' ? (
        <Login session={session} reason={reach.reason} />
      ) : (
        <TopBar session={session} searchBox={searchBox} />
      )}
      <Notices session={session} />
      {answer !== null && (
        <main class={hasEvidence ? 'with-evidence' : ''}>
          <div class="answer">
            <AnswerHead session={session} answer={answer} />
            {isEmpty(answer) ? (
              <EmptyState answer={answer} />
            ) : (
              <ViewArea session={session} answer={answer} />
            )}
          </div>
          {hasEvidence && <Evidence session={session} answer={answer} />}
        </main>
      )}
      {keysShown && <KeyList close={() => setKeysShown(false)} />}
    </>
  );
}
