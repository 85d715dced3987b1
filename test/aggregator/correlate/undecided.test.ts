/** Ambiguous halves that are to be judged again: how many, and when. */
import { beforeEach, describe, expect, it } from 'vitest';
import { clockSlackMs } from '../../../aggregator/correlate/generations.ts';
import { Lives } from '../../../aggregator/correlate/lives.ts';
import type { ReportedSocket, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { Undecided } from '../../../aggregator/correlate/undecided.ts';
import type { Protocol } from '../../../model/socket-state.ts';
import { asOf, ReportedFleet } from '../../support/reported-fleet.ts';

const sinceMs = 1_000_000;
const roomFor = 2;

let host: ReportingHost;
let lives: Lives;
let undecided: Undecided;
let half: (port: number, protocol?: Protocol) => ReportedSocket;

beforeEach(() => {
  const fleet = new ReportedFleet({ sinceMs });
  host = fleet.host('web', { addresses: ['10.0.0.1'] });
  lives = new Lives();
  undecided = new Undecided(lives, roomFor);
  half = (port, protocol = 'tcp') => fleet.build(host, `10.0.0.1:${port}`, '10.0.0.2:80', { protocol });
});

describe('a half that is ambiguous', () => {
  it('is ripe once its host has shown it for long enough', () => {
    const one = half(1);
    undecided.note(one, sinceMs);
    asOf(host, sinceMs + clockSlackMs);
    expect(undecided.takeRipe()).toEqual([]);
    // What a look shows was there at the look before.
    asOf(host, sinceMs + 60_000);
    asOf(host, sinceMs + 120_000);
    expect(undecided.takeRipe()).toEqual([one]);
    expect(undecided.takeRipe()).toEqual([]);
    expect(undecided.size).toBe(0);
  });

  it('is let go when it has ended, or is forgotten', () => {
    const [ended, forgotten] = [half(1), half(2)];
    for (const each of [ended, forgotten]) undecided.note(each, sinceMs);
    ended.closedAtMs = sinceMs;
    lives.note(ended, 'established');
    undecided.forget(forgotten);
    expect([undecided.takeRipe(), undecided.size]).toEqual([[], 0]);
    undecided.note(ended, sinceMs);
    expect(undecided.size).toBe(0);
  });

  it('is refused where too many wait, and counted; one that waits is not', () => {
    const [one, other, further] = [half(1), half(2), half(3)];
    for (const each of [one, other, one, further]) undecided.note(each, sinceMs);
    expect([undecided.size, undecided.refused]).toEqual([roomFor, 1]);
  });

  it('is not waited for over UDP, where to live on says nothing', () => {
    undecided.note(half(1, 'udp'), sinceMs);
    expect(undecided.size).toBe(0);
  });
});
