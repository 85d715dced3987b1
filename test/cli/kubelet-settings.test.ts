/** Whom an agent asks for names of pods. */
import { describe, expect, it } from 'vitest';
import { CliFailure } from '../../cli/exit.ts';
import { kubeletAccess, kubeletUrlSetting } from '../../cli/kubelet-settings.ts';

describe('the kubelet', () => {
  it('is not asked by default', () => {
    expect(kubeletUrlSetting().fallback).toBeNull();
    expect(kubeletAccess(null, '/token', '/ca')).toBeNull();
  });

  it.each([
    'https://10.1.0.7:10250',
    'http://127.0.0.1:10255',
    'http://[::1]:10255',
    'http://localhost:10255',
  ])('may be asked at %s', (url) => {
    expect(kubeletUrlSetting().parse([url])).toBe(url);
    expect(kubeletAccess(url, '/token', '/ca')).toEqual({ url, tokenFile: '/token', caFile: '/ca' });
  });

  it.each(['127.0.0.1:10250', 'ftp://127.0.0.1', 'kubelet'])('%s is no address of one', (text) => {
    expect(() => kubeletUrlSetting().parse([text])).toThrow(
      `expected a URL such as https://127.0.0.1:10250, found "${text}"`,
    );
  });

  it('is not asked in plain text off loopback', () => {
    const ask = () => kubeletAccess('http://10.1.0.7:10255', null, null);
    expect(ask).toThrow(CliFailure);
    expect(ask).toThrow(
      '--kubelet http://10.1.0.7:10255 is not loopback and not TLS, so anyone could answer there: use https',
    );
  });
});
