/** The check after faults finds each way in which an answer can be wrong, and excuses only what lies in a gap. */
import { describe, expect, test } from 'vitest';
import type { ConnectionDocument, EndDocument, GapDocument } from '../../../model/document.ts';
import { OracleLedger } from './oracle-ledger.ts';
import { judgeAnswer, type Verdict } from './verdict.ts';

const client = { ip: '10.1.1.1', port: 40000 };
const server = { ip: '10.1.2.1', port: 5432 };
/** An hour before it is asked. */
const begunMs = Date.parse('2026-01-01T12:00:00Z');
const askedAtMs = begunMs + 3_600_000;

/** One connection; seconds after the beginning. */
function ledgerOf(...lives: (readonly [openedS: number, closedS: number | null])[]): OracleLedger {
  const ledger = new OracleLedger();
  for (const [openedS, closedS] of lives) {
    for (const [side, host, pid] of [
      ['client', 'h1', 7],
      ['server', 'h2', 8],
    ] as const) {
      const openedAtMs = begunMs + openedS * 1000;
      ledger.opened(side, client, server, { host, pid, process: side, openedAtMs, closedAtMs: null });
      if (closedS !== null) ledger.closed(side, client, server, begunMs + closedS * 1000);
    }
  }
  return ledger;
}

function time(seconds: number): string {
  return new Date(begunMs + seconds * 1000).toISOString();
}

function end(side: 'client' | 'server', change: Partial<EndDocument> = {}): EndDocument {
  const [at, host, pid] = side === 'client' ? [client, 'h1', 7] : [server, 'h2', 8];
  return { ...at, host, pid, process: side, ...change } as EndDocument;
}

function told(openedS: number, closedS: number | null, change: Partial<ConnectionDocument> = {}) {
  return {
    client: end('client'),
    server: end('server'),
    seen: 'both',
    state: 'established',
    openedAt: time(openedS),
    closedAt: closedS === null ? null : time(closedS),
    ...change,
  } as ConnectionDocument;
}

function gap(host: string, fromS: number, toS: number): GapDocument {
  return { host, from: time(fromS), to: time(toS), reason: 'test', lostEvents: null };
}

function judge(
  ledger: OracleLedger,
  answer: readonly ConnectionDocument[],
  gaps: readonly GapDocument[] = [],
): Verdict {
  return judgeAnswer({ ledger, answer, gaps, askedAtMs, livedMsMin: 0, isOwn: ({ id }) => id === 'own' });
}

/** The numbers alone: judged, lost undeclared, in gaps, phantoms, wrong owners. */
function counts(verdict: Verdict): readonly number[] {
  const { judged, lostUndeclared, lostDeclared, phantoms, wrongOwner } = verdict;
  return [judged, lostUndeclared, lostDeclared, phantoms, wrongOwner];
}

const unseen = { host: null, pid: null, process: null };

describe('nothing is wrong', () => {
  test.each([
    ['open, and told as open', [0, null], told(0, null)],
    ['over, and told as over', [0, 9], told(0, 9)],
    ['over, and remembered by the kernel', [0, 9], told(0, null, { state: 'time-wait' })],
  ] as const)('%s', (_, life, document) => {
    const verdict = judge(ledgerOf(life), [document]);
    expect(counts(verdict)).toEqual([1, 0, 0, 0, 0]);
    expect(verdict.mistakes).toEqual([]);
  });

  test('a four-tuple that is used again', () => {
    const verdict = judge(ledgerOf([0, 9], [100, 109]), [told(100, 109), told(0, 9)]);
    expect(counts(verdict)).toEqual([2, 0, 0, 0, 0]);
  });

  test('conversations of whotalks itself', () => {
    expect(counts(judge(ledgerOf(), [told(0, 9, { id: 'own' })]))).toEqual([0, 0, 0, 0, 0]);
  });

  test('what is only just there is not judged, and what is only just over may be told as open', () => {
    expect(counts(judge(ledgerOf([3_599, null]), []))).toEqual([0, 0, 0, 0, 0]);
    expect(counts(judge(ledgerOf([0, 3_599]), [told(0, null)]))).toEqual([1, 0, 0, 0, 0]);
  });
});

describe('lost', () => {
  test('both ends of what is not told', () => {
    const verdict = judge(ledgerOf([0, 9]), []);
    expect(counts(verdict)).toEqual([1, 2, 0, 0, 0]);
    expect(verdict.mistakes).toEqual([
      'lostUndeclared: 10.1.1.1:40000 -> 10.1.2.1:5432: client is unseen, 00:00.000 to 00:09.000',
      'lostUndeclared: 10.1.1.1:40000 -> 10.1.2.1:5432: server is unseen, 00:00.000 to 00:09.000',
    ]);
  });

  test('one end, and the process of one', () => {
    const half = told(0, 9, { server: end('server', unseen) });
    expect(counts(judge(ledgerOf([0, 9]), [half]))).toEqual([1, 1, 0, 0, 0]);
    const verdict = judge(ledgerOf([0, 9]), [told(0, 9, { server: end('server', { pid: null }) })]);
    expect(verdict.mistakes[0]).toContain('server has no process');
  });

  test('what is open and told as over', () => {
    expect(counts(judge(ledgerOf([0, null]), [told(0, 9)]))).toEqual([1, 1, 0, 0, 0]);
  });

  test.each([
    ['its host, around its end', gap('h1', 8, 10), [1, 1, 1, 0, 0]],
    ['its host, before its end', gap('h1', 1, 8), [1, 2, 0, 0, 0]],
    ['its host, after its end', gap('h1', 10, 20), [1, 2, 0, 0, 0]],
    ['another host', gap('h3', 8, 10), [1, 2, 0, 0, 0]],
  ])('in a gap of %s', (_, declared, expected) => {
    expect(counts(judge(ledgerOf([0, 9]), [], [declared]))).toEqual(expected);
  });

  test('a gap excuses nothing that is open', () => {
    expect(counts(judge(ledgerOf([0, null]), [], [gap('h1', 0, 3600)]))).toEqual([1, 2, 0, 0, 0]);
  });
});

describe('phantoms', () => {
  test('what nobody opened', () => {
    const verdict = judge(ledgerOf(), [told(0, 9)]);
    expect(counts(verdict)).toEqual([0, 0, 0, 1, 0]);
    expect(verdict.mistakes).toEqual([
      'phantom: h1/client[7] 10.1.1.1:40000 -> h2/server[8] 10.1.2.1:5432 seen=both established ' +
        '2026-01-01T12:00:00.000Z to 2026-01-01T12:00:09.000Z',
    ]);
  });

  test('what was there at another time', () => {
    expect(counts(judge(ledgerOf([0, 9]), [told(0, 9), told(100, 109)]))).toEqual([1, 0, 0, 1, 0]);
  });

  test('what is told twice, in halves', () => {
    const halves = [
      told(0, 9, { server: end('server', unseen) }),
      told(0, 9, { client: end('client', unseen) }),
    ];
    const verdict = judge(ledgerOf([0, 9]), halves);
    expect(counts(verdict)).toEqual([1, 0, 0, 1, 0]);
    expect(verdict.mistakes).toEqual([
      'phantoms: 10.1.1.1:40000 -> 10.1.2.1:5432: told 2 times: both established 00:00.000 to 00:09.000; ' +
        'both established 00:00.000 to 00:09.000, 00:00.000 to 00:09.000',
    ]);
  });

  test('what is over and told as open', () => {
    expect(counts(judge(ledgerOf([0, 9]), [told(0, null)]))).toEqual([1, 0, 0, 1, 0]);
  });
});

describe('wrong owners', () => {
  test.each([
    ['another process', { pid: 9 }],
    ['another host', { host: 'h3' }],
    ['another host, no process', { host: 'h3', pid: null }],
  ])('%s', (_, change) => {
    const verdict = judge(ledgerOf([0, 9]), [told(0, 9, { client: end('client', change) })]);
    expect(counts(verdict)).toEqual([1, 0, 0, 0, 1]);
  });

  test('no gap excuses one', () => {
    const wrong = told(0, 9, { client: end('client', { pid: 9 }) });
    expect(counts(judge(ledgerOf([0, 9]), [wrong], [gap('h1', 0, 20)]))).toEqual([1, 0, 0, 0, 1]);
  });

  test('client and server turned round', () => {
    const turned = told(0, 9, { client: end('server'), server: end('client') });
    const verdict = judge(ledgerOf([0, 9]), [turned]);
    expect(verdict.mistakes).toEqual([
      'wrongOwner: 10.1.1.1:40000 -> 10.1.2.1:5432: its client is told as the server',
    ]);
  });
});
