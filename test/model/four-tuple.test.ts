/** The key under which two ends meet, and the endpoints that it is made of. */
import { describe, expect, it } from 'vitest';
import { accepts, formatEndpoint, parseEndpoint } from '../../model/endpoint.ts';
import { type FourTuple, reverse, tupleKey } from '../../model/four-tuple.ts';
import { formatIp } from '../../model/ip.ts';
import { fc } from '../support/random-cases.ts';

const endpoint = fc.record({
  ip: fc
    .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
    .map(formatIp),
  port: fc.integer({ min: 0, max: 65535 }),
});
const tuple = fc.record({ local: endpoint, remote: endpoint });

describe('tuple key', () => {
  it('is the same for both ends, which take the two sides', () => {
    fc.assert(
      fc.property(tuple, (own: FourTuple) => {
        const [mine, theirs] = [tupleKey('realm:x', 'tcp', own), tupleKey('realm:x', 'tcp', reverse(own))];
        expect(theirs.key).toBe(mine.key);
        const isSelf = formatEndpoint(own.local) === formatEndpoint(own.remote);
        expect(theirs.side === mine.side).toBe(isSelf);
      }),
    );
  });

  it('differs by scope, by protocol and by tuple', () => {
    fc.assert(
      fc.property(tuple, tuple, (one, other) => {
        const key = tupleKey('realm:x', 'tcp', one).key;
        expect(tupleKey('realm:y', 'tcp', one).key).not.toBe(key);
        expect(tupleKey('realm:x', 'udp', one).key).not.toBe(key);
        const texts = (t: FourTuple): string => [t.local, t.remote].map(formatEndpoint).sort().join();
        expect(tupleKey('realm:x', 'tcp', other).key === key).toBe(texts(one) === texts(other));
      }),
    );
  });
});

describe('endpoints', () => {
  it('read back as they are written', () => {
    fc.assert(
      fc.property(endpoint, (one) => {
        expect(parseEndpoint(formatEndpoint(one))).toEqual(one);
      }),
    );
  });

  it.each([
    '10.0.0.1',
    '10.0.0.1:',
    '10.0.0.1:65536',
    'fd00::1:443',
    '[10.0.0.1]:80',
    '[fd00::1]',
    'x:80',
    ':80',
  ])('refuses %j', (text) => {
    expect(parseEndpoint(text)).toBeNull();
  });

  it.each([
    ['0.0.0.0:80', '10.0.0.1:80', true],
    ['0.0.0.0:80', '[fd00::1]:80', false],
    ['[::]:80', '10.0.0.1:80', true],
    ['[::]:80', '[fd00::1]:80', true],
    ['10.0.0.1:80', '10.0.0.1:80', true],
    ['10.0.0.1:80', '10.0.0.2:80', false],
    ['0.0.0.0:80', '10.0.0.1:81', false],
  ])('a socket bound to %s accepts %s: %s', (bound, target, accepted) => {
    expect(accepts(parseEndpoint(bound)!, parseEndpoint(target)!)).toBe(accepted);
  });
});
