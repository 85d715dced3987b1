/** Where a token is typed in, once; from then on the browser shows a cookie for it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Session } from '../state/session.ts';

export function Login({ session, reason }: { readonly session: Session; readonly reason: string | null }) {
  const box = useRef<HTMLInputElement>(null);
  const [isAsking, setAsking] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => box.current?.focus(), []);
  const submit = async (): Promise<void> => {
    const token = box.current?.value.trim() ?? '';
    if (token === '' || isAsking) return;
    setAsking(true);
    const refused = await session.login(token);
    setAsking(false);
    setFault(refused);
    box.current?.select();
  };
  return (
    <>
      <header class="bar">
        <span class="brand">whotalks</span>
      </header>
      <main class="login">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <h1>Who are you?</h1>
          {reason !== null && <p class="quiet">{reason}.</p>}
          <label for="token">Token</label>
          <input
            ref={box}
            id="token"
            type="password"
            autocomplete="current-password"
            spellcheck={false}
            required
            aria-invalid={fault !== null}
            aria-describedby={fault === null ? 'token-help' : 'token-fault'}
          />
          {fault !== null && (
            <p class="fault" id="token-fault" role="alert">
              {fault}.
            </p>
          )}
          <button type="submit" class="button" disabled={isAsking}>
            {isAsking ? 'Asking …' : 'Log in'}
          </button>
          <p class="quiet" id="token-help">
            Whoever runs the aggregator makes one with
            <code>whotalks token create --role read --name YOU</code>
          </p>
        </form>
      </main>
    </>
  );
}
