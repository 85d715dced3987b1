/** The search box and, below it, what is wrong with the query and where. */
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Complaint, Session } from '../state/session.ts';

interface Props {
  readonly session: Session;
  readonly searchBox: RefObject<HTMLInputElement>;
}

export function SearchBox({ session, searchBox }: Props) {
  const asked = session.place.value.query;
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  const complaint = session.complaint.value;
  return (
    <search class="search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          session.ask(text);
        }}
      >
        <input
          ref={searchBox}
          type="search"
          name="q"
          aria-label="Who talks to: address, port, service, host or filter"
          aria-invalid={complaint !== null}
          aria-describedby={complaint === null ? undefined : 'complaint'}
          placeholder="Who talks to … 10.1.100.9:8743, :5432, service, host"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <span class="hint" aria-hidden="true">
          /
        </span>
        {complaint !== null && <ComplaintLine complaint={complaint} />}
      </form>
    </search>
  );
}

function ComplaintLine({ complaint }: { readonly complaint: Complaint }) {
  const { column, message, query } = complaint;
  return (
    <div class="complaint" id="complaint" role="alert">
      {column !== null && (
        <pre aria-hidden="true">
          {query}
          {'\n'}
          {' '.repeat(Math.max(0, column - 1))}^
        </pre>
      )}
      <p>
        {message}
        {column !== null && !message.includes(`column ${column}`) && ` (column ${column})`}
      </p>
    </div>
  );
}
