/** From a socket's tuple to the tuple on the wire, over the tables of its namespace and of its host. */
import { describe, expect, it } from 'vitest';
import { afterAnswer, beginInquiry, translationOf } from '../../../agent/conntrack/inquiry.ts';
import type { ConntrackEntry } from '../../../agent/netlink/conntrack-entry.ts';
import type { FourTuple } from '../../../model/four-tuple.ts';
import { stagesMax, type Translation } from '../../../model/translation.ts';
import { entryOf, tupleOf } from '../netlink/conntrack-messages.ts';

/** `10.0.0.1:1 -> 10.0.0.2:2`, from local to remote. */
function socketOf(text: string): FourTuple {
  const { source, destination } = tupleOf(text);
  return { local: source, remote: destination };
}

function travel(socket: string, answers: readonly (ConntrackEntry | null)[]): Translation | null {
  const way = answers.map((_, i) => i);
  return translationOf(answers.reduce(afterAnswer, beginInquiry(socketOf(socket), way)));
}

const masqueraded = entryOf('172.17.0.2:45000 -> 10.1.2.1:8743', '10.1.2.1:8743 -> 10.1.1.1:62203');
const published = entryOf('10.1.2.1:45000 -> 10.1.1.1:18080', '172.17.0.2:9007 -> 10.1.2.1:45000');

describe('an inquiry', () => {
  it('of what no table knows finds nothing', () => {
    expect(travel('10.0.0.1:1 -> 10.0.0.2:2', [null, null])).toBeNull();
  });

  it('of what is tracked and not translated finds the role', () => {
    const entry = entryOf('10.0.0.1:1 -> 10.0.0.2:2', '10.0.0.2:2 -> 10.0.0.1:1');
    expect(travel('10.0.0.1:1 -> 10.0.0.2:2', [entry])).toEqual({ role: 'client', stages: [] });
    expect(travel('10.0.0.2:2 -> 10.0.0.1:1', [entry])).toEqual({ role: 'server', stages: [] });
  });

  it('of a client behind masquerade', () => {
    expect(travel('172.17.0.2:45000 -> 10.1.2.1:8743', [null, masqueraded])).toEqual({
      role: 'client',
      stages: [socketOf('10.1.1.1:62203 -> 10.1.2.1:8743')],
    });
  });

  it('of a server behind a published port', () => {
    expect(travel('172.17.0.2:9007 -> 10.1.2.1:45000', [null, published])).toEqual({
      role: 'server',
      stages: [socketOf('10.1.1.1:18080 -> 10.1.2.1:45000')],
    });
  });

  it('asks the host for what the own namespace has made of it', () => {
    const redirected = entryOf('172.17.0.2:45000 -> 10.96.0.1:80', '10.1.2.1:8743 -> 172.17.0.2:45000');
    expect(travel('172.17.0.2:45000 -> 10.96.0.1:80', [redirected, masqueraded])).toEqual({
      role: 'client',
      stages: [socketOf('172.17.0.2:45000 -> 10.1.2.1:8743'), socketOf('10.1.1.1:62203 -> 10.1.2.1:8743')],
    });
  });

  it('ignores an entry about something else', () => {
    expect(travel('10.9.9.9:1 -> 10.9.9.8:2', [published])).toBeNull();
  });

  it('has no more stages than the wire carries', () => {
    const again = entryOf('10.0.0.1:1 -> 10.0.0.2:2', '10.0.0.2:2 -> 10.0.0.1:1', { isTranslated: true });
    const translation = travel('10.0.0.1:1 -> 10.0.0.2:2', Array(9).fill(again));
    expect(translation?.stages).toHaveLength(stagesMax);
  });
});
