/** One end of a connection: process, host, address and file descriptors, as its own kernel shows them. */
import type { EndDocument } from '../../model/document.ts';
import { formatEnd, formatProcess } from '../words/format.ts';
import { Name } from './name.tsx';

interface Props {
  readonly side: 'client' | 'server';
  readonly end: EndDocument;
}

export function EndFacts({ side, end }: Props) {
  const process = formatProcess(end);
  return (
    <span class="end">
      <span class="side">{side}</span>
      <span class="end-lines">
        <span>
          {process === null ? (
            <span class="quiet">process unknown</span>
          ) : (
            <Name class="process" text={process} />
          )}
          {end.user !== null && (
            <span class="quiet">
              {' '}
              user <Name text={end.user} />
            </span>
          )}
        </span>
        <span class="where">
          {end.host !== null && (
            <>
              <Name text={end.host} />{' '}
            </>
          )}
          <span class="address">{formatEnd(end)}</span>
          {end.fds.length > 0 && ` fd ${end.fds.join(', ')}`}
        </span>
      </span>
    </span>
  );
}
