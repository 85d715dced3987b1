/** What counts as a difference between two views, and what explains one. */
import { describe, expect, it } from 'vitest';
import { Comparison, type DifferenceKind } from './comparison.ts';
import type { Snapshot } from './snapshot.ts';
import { parseSs } from './ss-snapshot.ts';

const held = '1 tcp established 127.0.0.1:80 127.0.0.1:5000 77 0';
const waiting = '1 tcp time-wait 127.0.0.1:80 127.0.0.1:5000 0 -';
const orphan = '1 tcp established 127.0.0.1:80 127.0.0.1:5000 0 -';
const reopened = '1 tcp established 127.0.0.1:80 127.0.0.1:5000 78 0';

const lookEveryMs = 1000;
/** Two looks. */
const lateMaxMs = 1500;

/** Kinds of differences, look after look, one second each. @param steady what the other view shows before and after */
function kinds(
  steady: Snapshot,
  looks: readonly Snapshot[],
  late = { owners: 0, ownerless: 0 },
): (DifferenceKind | null)[] {
  const comparison = new Comparison(late);
  return looks.map((shown, i) => {
    return comparison.judge(steady, shown, steady, i * lookEveryMs).differences[0]?.kind ?? null;
  });
}

const of = (...rows: [string, string][]): Snapshot => new Map(rows);

describe('a difference', () => {
  it('is told of what both looks show alike, and of that alone', () => {
    const before = of([held, '7/a:9'], [waiting, '']);
    const after = of([held, '7/a:10'], [waiting, '']);
    expect(new Comparison({ owners: 0, ownerless: 0 }).judge(before, of(), after, 0)).toEqual({
      compared: 1,
      differences: [{ kind: 'replaced', socket: waiting, expected: '', shown: null }],
    });
  });

  it.each<[string, Snapshot, Snapshot[], (DifferenceKind | null)[]]>([
    ['a socket with an inode is missing', of([held, '7/a:9']), [of()], ['unexplained']],
    ['other owners', of([held, '7/a:9']), [of([held, '7/a:10'])], ['unexplained']],
    ['no owner', of([held, '7/a:9']), [of([held, ''])], ['unexplained']],
    [
      'an owner too many that was there before',
      of([held, '7/a:9']),
      [of([held, '7/a:9+10'])],
      ['unexplained'],
    ],
    [
      'an owner of what has none, once',
      of([held, ''], [reopened, '7/a:1']),
      [of([held, '7/a:9'], [reopened, '7/a:1']), of([held, '7/a:9'], [reopened, '7/a:1'])],
      ['passed', 'unexplained'],
    ],
    ['an owner too many that is newer', of([held, '7/a:9']), [of([held, '7/a:9 8/a:9'])], ['forked']],
    [
      'a row without an inode, once',
      of([waiting, '']),
      [of(), of([waiting, '']), of()],
      ['replaced', null, 'replaced'],
    ],
    ['a row without an inode, twice', of([waiting, '']), [of(), of()], ['replaced', 'unexplained']],
    [
      'a row without an inode whose ends are in use again',
      of([waiting, '']),
      [of([reopened, '7/a:9']), of([reopened, '7/a:9']), of([reopened, '7/a:9'])],
      ['replaced', 'reused', 'unexplained'],
    ],
    [
      'a row without an inode that has one nobody holds',
      of([orphan, '']),
      [of([held, '']), of([held, '']), of([held, '']), of([held, '7/a:9'])],
      ['orphaned', 'orphaned', 'orphaned', 'unexplained'],
    ],
  ])('%s', (_, steady, looks, expected) => {
    expect(kinds(steady, looks)).toEqual(expected);
  });

  it('is explained once by a child that was new at the look before', () => {
    const comparison = new Comparison({ owners: 0, ownerless: 0 });
    const [alone, shared] = [of([held, '7/a:9']), of([held, '7/a:9 8/a:9'])];
    const kindOf = (before: Snapshot, shown: Snapshot): DifferenceKind | undefined =>
      comparison.judge(before, shown, before, 0).differences[0]?.kind;
    expect(kindOf(alone, alone)).toBeUndefined();
    expect(kindOf(shared, alone)).toBe('execed');
    expect(kindOf(shared, alone)).toBe('unexplained');
    expect(kindOf(shared, of([held, '8/a:9']))).toBe('unexplained');
  });

  it('is late only for as long as the view may be', () => {
    const late = of([held, '8/a:9']);
    const steady = of([held, '7/a:9'], [reopened, '8/a:1']);
    const looks = [late, late, late, of([held, '7/a:9']), late].map((shown) =>
      of(...shown, [reopened, '8/a:1']),
    );
    expect(kinds(steady, looks, { owners: lateMaxMs, ownerless: 0 })).toEqual([
      'late',
      'late',
      'unexplained',
      null,
      'late',
    ]);
  });
});

it('a socket that nobody holds may be late where it is told so, one with an owner not', () => {
  const late = { owners: 0, ownerless: lateMaxMs };
  const missing = [of(), of(), of()];
  expect(kinds(of([held, '']), missing, late)).toEqual(['late', 'late', 'unexplained']);
  expect(kinds(of([held, '7/a:9']), missing, late)).toEqual(['unexplained', 'unexplained', 'unexplained']);
});

it('what ss prints is a snapshot', () => {
  const text = [
    'tcp LISTEN 0 128 *:80 *:* users:(("a b",pid=9,fd=4),("a b",pid=7,fd=12),("a b",pid=7,fd=3)) ino:5 sk:1 v6only:0 <->',
    'udp UNCONN 0 0 127.0.0.1%lo:53 0.0.0.0:* users:(("dns",pid=7,fd=9)) uid:65534 ino:8 sk:2 <->',
    'tcp TIME-WAIT 0 0 [::ffff:127.0.0.1]:80 [::ffff:127.0.0.1]:5000 timer:(timewait,59sec,0) ino:0 sk:3 <->',
    'udp ESTAB 0 0 [fe80::1]%eth0:68 [fe80::2]:67 ino:9 sk:4 <->',
    '',
  ].join('\n');
  expect([...parseSs(text, 1)]).toEqual([
    ['1 tcp listen [::]:80 [::]:0 5 0', '7/a%20b:3+12 9/a%20b:4'],
    ['1 udp unconnected 127.0.0.1:53 0.0.0.0:0 8 65534', '7/dns:9'],
    ['1 tcp time-wait 127.0.0.1:80 127.0.0.1:5000 0 -', ''],
    ['1 udp established [fe80::1]:68 [fe80::2]:67 9 0', ''],
  ]);
  expect(() => parseSs('tcp LISTEN 0 0 nowhere:80 *:*', 1)).toThrow('ss: no address in nowhere:80');
});
