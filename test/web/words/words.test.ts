/** What the page says: ages, ends, sentences, commands, and names that hide something. */
import { describe, expect, it } from 'vitest';
import { commandOf, joining } from '../../../web/words/command.ts';
import { coverageOf, formatCoverage } from '../../../web/words/coverage.ts';
import { formatAge, formatProcess, plural } from '../../../web/words/format.ts';
import { sentenceOf } from '../../../web/words/sentence.ts';
import { visibleText } from '../../../web/words/visible.ts';
import { about, asOf, connectionsOf, edge, host, hostsOf, mapOf } from '../documents.ts';
import { foundingSummary, foundingTo } from '../fleets.ts';

describe('formatAge', () => {
  it.each([
    ['2026-03-05T14:02:11.000Z', '0 s'],
    ['2026-03-05T14:01:12.000Z', '59 s'],
    ['2026-03-05T14:01:11.000Z', '1 min'],
    ['2026-03-05T12:02:12.000Z', '1 h'],
    ['2026-02-24T14:02:11.000Z', '9 d'],
    // A host whose clock is ahead.
    ['2026-03-05T14:09:11.000Z', '0 s'],
    ['never', 'unknown'],
  ])('%s is %s ago', (time, age) => {
    expect(formatAge(time, asOf)).toBe(age);
  });
});

describe('formatProcess', () => {
  it.each([
    ['java', 4121, 'java[4121]'],
    ['java', null, 'java'],
    [null, 4121, '[4121]'],
    [null, null, null],
  ])('%s and %s are %s', (process, pid, text) => {
    expect(formatProcess({ process, pid })).toBe(text);
  });
});

describe('sentenceOf', () => {
  const answer = {
    query: '',
    map: mapOf([]),
    connections: connectionsOf([]),
    hosts: hostsOf([host('a')]),
    about,
    spoken: null,
  };

  it('is the words of the aggregator where it has some', () => {
    expect(sentenceOf({ ...answer, query: '10.1.100.9:8743', spoken: foundingTo('10.1.100.9:8743') })).toBe(
      foundingSummary,
    );
  });

  it('counts otherwise, and names what is not known', () => {
    const oneEnd = { seen: { both: 0, client: 1, server: 0 } };
    const map = mapOf([edge('a', 'b', 80, { open: 1200 }), edge('a', 'c', 81, oneEnd)], ['c']);
    expect(sentenceOf({ ...answer, map })).toBe(
      '2 services and 2 dependencies between them, 1,201 connections open. 1 peer has no agent. ' +
        '1 dependency is seen from one end only.',
    );
  });

  it('says what is empty, and why', () => {
    expect(sentenceOf(answer)).toBe('No connection has been seen yet.');
    expect(sentenceOf({ ...answer, query: 'x' })).toBe('Nothing found.');
    expect(sentenceOf({ ...answer, hosts: hostsOf([]) })).toBe('No host reports yet.');
  });
});

describe('coverage', () => {
  it('counts live hosts and names what each other lacks', () => {
    const coverage = coverageOf([
      host('a'),
      host('b', { state: 'stale' }),
      host('c', { cannotSee: ['other users'] }),
    ]);
    expect(coverage).toEqual({
      reporting: 2,
      hosts: 3,
      faults: [
        { host: 'b', fault: 'stale' },
        { host: 'c', fault: 'cannot see other users' },
      ],
    });
    expect(formatCoverage(coverage)).toBe('2 of 3 hosts report');
    expect(formatCoverage(coverageOf([]))).toBe('no host reports');
  });
});

describe('commands', () => {
  it.each([
    ['', 'whotalks map'],
    ['10.1.100.9:8743', 'whotalks to 10.1.100.9:8743'],
    ['from checkout', 'whotalks from checkout'],
    ["a and host = 'x'", `whotalks connections 'a and host = '\\''x'\\'''`],
    ['$(reboot)', "whotalks connections '$(reboot)'"],
    ['`reboot`', "whotalks to '`reboot`'"],
  ])('%j is %s', (query, command) => {
    expect(commandOf(query)).toBe(command);
  });

  it.each([
    ['0.0.0.0:7443', true, 'whotalks agent --server agg.lan:7443 --insecure'],
    ['10.0.0.5:7444', true, 'whotalks agent --server 10.0.0.5:7444 --insecure'],
  ])('a host joins an aggregator on %s (insecure: %s) by %s', (grpcAddress, insecure, command) => {
    expect(joining({ hostname: 'agg.lan' }, { grpcAddress, insecure })).toEqual({ command, obstacle: null });
  });

  it('names the files that a host needs for TLS, and where they come from', () => {
    const { command, obstacle } = joining(
      { hostname: 'agg.lan' },
      { grpcAddress: '[::]:9', insecure: false },
    );
    expect(command).toBe('whotalks agent --server agg.lan:9 --ca ca.crt --token-file join-token');
    expect(obstacle).toMatch(
      /"whotalks ca init" left ca\.crt there, and "whotalks token create --join" prints/,
    );
  });

  it('says that an aggregator on loopback cannot be joined from elsewhere, and what to do', () => {
    const { command, obstacle } = joining(
      { hostname: 'localhost' },
      { grpcAddress: '127.0.0.1:7444', insecure: false },
    );
    expect(command).toBe('whotalks agent --server 127.0.0.1:7444');
    expect(obstacle).toMatch(
      /its own machine only\. For others run "whotalks ca init" there, start it with --listen ADDRESS:7444/,
    );
  });
});

describe('visibleText', () => {
  it.each([
    ['checkout', 'checkout'],
    ['\u202egnp.evil', '\\u{202e}gnp.evil'],
    ['a\u0000b\nc\u200b', 'a\\u{0}b\\u{a}c\\u{200b}'],
    ['שירות-תשלומים <b>', 'שירות-תשלומים <b>'],
  ])('%j is shown as %s', (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });
});

describe('plural', () => {
  it('groups thousands', () => {
    expect([plural(0, 'host'), plural(1, 'host'), plural(5112, 'host')]).toEqual([
      '0 hosts',
      '1 host',
      '5,112 hosts',
    ]);
  });
});
