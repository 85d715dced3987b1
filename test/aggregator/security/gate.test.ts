/** The gate: who comes through, who is told what, how much is written down, and what ends with a token. */
import { describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../../aggregator/security/audit.ts';
import { intervalMs } from '../../../aggregator/security/cmdline-reads.ts';
import {
  addressesMax,
  FailedProofs,
  failuresMax,
  windowMs,
} from '../../../aggregator/security/failed-proofs.ts';
import { type Admitted, type Approach, Gate, streamsPerTokenMax } from '../../../aggregator/security/gate.ts';
import type { Identity } from '../../../aggregator/security/identity.ts';
import type { Refusal } from '../../../aggregator/security/refusal.ts';
import { GivenTokens } from '../../support/guards.ts';

const ask = '/whotalks.v1.Query/Connections';

function gateWith() {
  const tokens = new GivenTokens();
  const told: AuditEvent[] = [];
  const time = { ms: 1_000_000 };
  const gate = new Gate({
    audit: (event) => told.push(event),
    monotonicClock: () => time.ms,
  });
  const approach = (secret: string, action = ask, address = '10.0.0.1'): Approach => ({
    action,
    address,
    peer: `${address}:4000`,
    identify: () => tokens.ofToken(secret),
  });
  const admitted = (secret: string): Admitted => {
    const admission = gate.admit(approach(secret));
    if (admission.kind === 'refused') throw new Error(admission.refusal.message);
    return admission;
  };
  return { tokens, told, time, gate, approach, admitted };
}

describe('admission', () => {
  test('tells the audit log who was refused what', () => {
    const { gate, told, approach, tokens } = gateWith();
    const secret = tokens.give('ann', 'read');
    expect(gate.admit(approach(secret))).toMatchObject({ kind: 'admitted', sight: { cmdlines: false } });
    expect(told).toEqual([]);
    gate.admit(approach(secret, '/whotalks.v1.Ingest/Stream'));
    gate.admit(approach('guess'));
    expect(told).toEqual([
      {
        kind: 'refused',
        reason: 'wrong-role',
        subject: 'token id-ann (ann)',
        peer: '10.0.0.1:4000',
        detail: expect.stringMatching(/^Ingest\/Stream: a token does not let report/),
      },
      {
        kind: 'refused',
        reason: 'bad-credentials',
        subject: null,
        peer: '10.0.0.1:4000',
        detail: 'Query/Connections: this token is not known here',
      },
    ]);
  });

  test('who showed too much that is not good is not listened to until the minute is over', () => {
    const { gate, time, approach, tokens } = gateWith();
    const secret = tokens.give('ann', 'read');
    for (let n = 0; n < failuresMax; n++) gate.admit(approach('guess'));
    time.ms += 1_500;
    expect(gate.admit(approach(secret))).toEqual({
      kind: 'refused',
      refusal: {
        reason: 'too-many-failures',
        message: 'too many tokens that are not good came from 10.0.0.1: try again in 59 s',
      },
    });
    // Others are, and what takes nothing is there for all.
    expect(gate.admit(approach(secret, ask, '10.0.0.2')).kind).toBe('admitted');
    expect(gate.admit(approach('guess', 'GET /healthz')).kind).toBe('admitted');
    // Nor are agents held up: a certificate is not guessed.
    expect(gate.admit(approach(tokens.giveAgent('h1'), '/whotalks.v1.Ingest/Stream')).kind).toBe('admitted');
    time.ms += windowMs;
    expect(gate.admit(approach(secret)).kind).toBe('admitted');
  });

  test('whoever may read command lines is told of once an hour, with how often', () => {
    const { gate, told, time, approach, tokens } = gateWith();
    const secret = tokens.give('ann', 'read:cmdline');
    const details = () => told.map(({ kind, subject, detail }) => [kind, subject, detail]);
    for (let n = 0; n < 3; n++) gate.admit(approach(secret));
    gate.admit(approach(secret, '/whotalks.v1.Query/Hosts'));
    time.ms += intervalMs;
    gate.admit(approach(secret, 'GET /api/v1/watch'));
    const subject = 'token id-ann (ann)';
    expect(details()).toEqual([
      ['cmdlines-read', subject, 'asked Query/Connections, whose answer has command lines'],
      [
        'cmdlines-read',
        subject,
        'asked GET /api/v1/watch, whose answer has command lines, and 2 times since this was told last',
      ],
    ]);
  });
});

test('what cannot be read refuses whoever comes, and ends nothing', () => {
  const { gate, told, approach, admitted, tokens } = gateWith();
  const secret = tokens.give('ann', 'read');
  const ended: Refusal[] = [];
  const failing = { ...approach(secret), identify: () => tokens.ofToken(secret) };
  gate.hold(failing, admitted(secret), (refusal) => ended.push(refusal));
  failing.identify = () => {
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  };
  gate.sweep();
  expect([gate.held, ended]).toEqual([1, []]);
  for (let n = 0; n <= failuresMax; n++) {
    expect(gate.admit(failing)).toEqual({
      kind: 'refused',
      refusal: { reason: 'unreadable', message: 'what is granted here cannot be read: EIO' },
    });
  }
  expect(told[0]).toMatchObject({ kind: 'refused', reason: 'unreadable' });
});

describe('what goes on', () => {
  test('ends with its token, once, and is told why', () => {
    const { gate, told, approach, admitted, tokens } = gateWith();
    const [ann, bob] = [tokens.give('ann', 'read'), tokens.give('bob', 'read')];
    const ended: [string, Refusal][] = [];
    for (const [name, secret] of Object.entries({ ann, bob })) {
      gate.hold(approach(secret), admitted(secret), (refusal) => ended.push([name, refusal]));
    }
    gate.sweep();
    expect([gate.held, ended]).toEqual([2, []]);
    tokens.takeBack('ann', 'token id-ann was revoked');
    gate.sweep();
    gate.sweep();
    expect([gate.held, ended]).toEqual([
      1,
      [['ann', { reason: 'bad-credentials', message: 'token id-ann was revoked' }]],
    ]);
    expect(told.map(({ subject, detail }) => [subject, detail])).toEqual([
      ['token id-ann (ann)', 'Query/Connections: token id-ann was revoked'],
    ]);
  });

  test('is forgotten when it ended by itself, and bounded for each token', () => {
    const { gate, approach, admitted, tokens } = gateWith();
    const [ann, bob] = [tokens.give('ann', 'read'), tokens.give('bob', 'read')];
    const hold = (secret: string) => gate.hold(approach(secret), admitted(secret), () => undefined);
    const holds = Array.from({ length: streamsPerTokenMax }, () => hold(ann));
    expect(hold(ann)).toEqual({
      kind: 'refused',
      refusal: { reason: 'too-many', message: 'this token has 64 streams open already: end one of them' },
    });
    expect(hold(bob).kind).toBe('held');
    for (const each of holds) if (each.kind === 'held') each.release();
    expect(gate.held).toBe(1);
    expect(hold(ann).kind).toBe('held');
  });

  test('of whoever shows no token nothing is held', () => {
    const { gate, approach } = gateWith();
    const local: Identity = { kind: 'local' };
    const admission: Admitted = { kind: 'admitted', identity: local, sight: { cmdlines: true } };
    expect(gate.hold(approach(''), admission, () => undefined).kind).toBe('held');
    expect(gate.held).toBe(0);
  });
});

describe('failures', () => {
  const fill = (failed: FailedProofs, address: string, nowMs: number): void => {
    for (let n = 0; n < failuresMax; n++) failed.count(address, nowMs);
  };

  test('are counted by address, of IPv6 by the network of one machine', () => {
    const failed = new FailedProofs();
    fill(failed, '2001:db8::1', 0);
    fill(failed, '10.0.0.1', 0);
    expect(failed.blockedMs('2001:db8:0:0:ffff::2', 0)).toBe(windowMs);
    expect(failed.blockedMs('2001:db8:0:1::1', 0)).toBe(0);
    expect(failed.blockedMs('::ffff:10.0.0.1', 0)).toBe(windowMs);
    expect(failed.blockedMs('10.0.0.2', 0)).toBe(0);
  });

  test('are kept of a bounded number of addresses', () => {
    const failed = new FailedProofs();
    fill(failed, '10.255.0.1', 0);
    for (let n = 1; n < addressesMax; n++) failed.count(`10.0.${n >> 8}.${n & 255}`, 1);
    expect([failed.forgotten, failed.blockedMs('10.255.0.1', 2)]).toEqual([0, windowMs - 2]);
    failed.count('10.254.0.1', 2);
    expect([failed.forgotten, failed.blockedMs('10.255.0.1', 2)]).toEqual([1, 0]);
    failed.count('10.254.0.2', windowMs + 1);
    expect(failed.forgotten).toBe(1);
  });
});
