/** The config file: what it takes, and the line and key of what it does not. */
import { describe, expect, test } from 'vitest';
import { parseConfigFile } from '../../cli/config-file.ts';
import { CliFailure } from '../../cli/exit.ts';

describe('parseConfigFile', () => {
  test('takes settings, sections and tables; an empty file is fine', () => {
    expect(parseConfigFile('w.yaml', '')).toEqual({});
    expect(
      parseConfigFile(
        'w.yaml',
        [
          'server: 127.0.0.1:7000',
          'limit: 5',
          'agent:',
          '  labels: { tier: web }',
          '  source: sockdiag',
          'aggregator:',
          '  names: { 10.9.4.20: legacy, 10.8.0.0/16: office }',
          '  services: [{ service: shop, match: { unit: "shop-*" } }]',
        ].join('\n'),
      ),
    ).toEqual({
      server: '127.0.0.1:7000',
      limit: 5,
      agent: { labels: { tier: 'web' }, source: 'sockdiag' },
      aggregator: {
        names: { '10.9.4.20': 'legacy', '10.8.0.0/16': 'office' },
        services: [{ service: 'shop', match: { unit: 'shop-*' } }],
      },
    });
  });

  test.each([
    [
      'server: a:1\nsever: b:2',
      /^w\.yaml:2: sever: unknown key; allowed here: server, realm, insecure, ca, /,
    ],
    [
      'agent:\n  interval: 1s\n  hostname: x',
      /^w\.yaml:3: agent\.hostname: unknown key; allowed here: hostId, hostName, /,
    ],
    ['\nlimit: many', /^w\.yaml:2: limit: expected a number$/],
    ['output: yaml', /^w\.yaml:1: output: expected table, wide, json, ndjson, csv, dot, mermaid$/],
    ['agent: { source: x }', /^w\.yaml:1: agent\.source: expected auto, ebpf, ebpf-files, sockdiag, procfs$/],
    [
      'aggregator:\n  services:\n    - service: x\n      match: { colour: red }',
      /^w\.yaml:4: aggregator\.services\.0\.match\.colour: unknown key; allowed here: host, program, /,
    ],
    ['a: [', /^w\.yaml:1: not YAML: /],
    ['a: *b', /^w\.yaml: not YAML: Unresolved alias .*: b$/],
    ['"a\\eb": 1', /^w\.yaml:1: a\\x1bb: unknown key; allowed here: server, /],
    ['- a\n- b', /^w\.yaml:1: expected a table of keys and values$/],
    ['limit: -1', /^w\.yaml:1: limit: expected 0 or more$/],
    ['limit: 1.5', /^w\.yaml:1: limit: expected a whole number$/],
    ['server: 5', /^w\.yaml:1: server: expected a text$/],
    ['aggregator:\n  nats: x', /^w\.yaml:2: aggregator\.nats: expected a list$/],
    ['just text', /^w\.yaml:1: expected a table of keys and values$/],
  ])('%j is refused with its place', (source, message) => {
    let refusal: unknown;
    try {
      parseConfigFile('w.yaml', source);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(CliFailure);
    expect(refusal).toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
    expect((refusal as CliFailure).message).not.toContain('\n');
  });
});
