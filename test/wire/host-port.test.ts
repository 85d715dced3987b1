/** Addresses of servers, and the rule that plaintext stays on loopback. */
import { describe, expect, it } from 'vitest';
import { ExposureError, formatHostPort, parseHostPort, refuseExposure } from '../../wire/host-port.ts';

describe('HOST:PORT', () => {
  it.each(['127.0.0.1:7443', '[::1]:7443', 'aggregator.example:1', 'localhost:0'])(
    'reads and writes %s',
    (text) => {
      expect(formatHostPort(parseHostPort(text))).toBe(text);
    },
  );

  it.each([
    '7443',
    'host',
    'host:',
    ':7443',
    'host:65536',
    '::1:7443',
    '[::1]',
    'a b:1',
    'http://host:1',
    '',
  ])('refuses %j and shows what is meant', (text) => {
    expect(() => parseHostPort(text)).toThrow(
      `${JSON.stringify(text)} is not HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443`,
    );
  });
});

describe('exposure', () => {
  it.each([
    ['127.0.0.1:1', false, true],
    ['127.8.8.8:1', false, true],
    ['[::1]:1', false, true],
    ['localhost:1', false, true],
    ['0.0.0.0:1', false, false],
    ['[::]:1', false, false],
    ['10.0.0.1:1', false, false],
    ['localhost.example:1', false, false],
    ['10.0.0.1:1', true, true],
  ])('%s with insecure=%s is allowed: %s', (text, insecure, allowed) => {
    const check = (): void => refuseExposure('--listen', parseHostPort(text), insecure);
    if (allowed) expect(check).not.toThrow();
    else expect(check).toThrow(ExposureError);
  });
});
