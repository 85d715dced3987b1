/** `whotalks audit`: what happened, newest last, and whether anybody changed it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../aggregator/security/audit.ts';
import { hashOfLine } from '../../aggregator/security/audit-chain.ts';
import { AuditFile, auditPath, readAuditLines } from '../../aggregator/security/audit-file.ts';
import { runCli } from '../support/run-cli.ts';

const atMs = Date.parse('2026-11-23T09:00:00.000Z');
const events: readonly AuditEvent[] = [
  {
    kind: 'token-created',
    subject: 'token 3f (ann)',
    peer: null,
    detail: 'read, by root on the command line',
  },
  {
    kind: 'refused',
    reason: 'wrong-role',
    subject: 'token 3f (ann)',
    peer: '10.0.0.1:4000',
    detail: 'no\u001b[2J',
  },
  { kind: 'banned', subject: 'host web-7', peer: null, detail: 'by root on the command line' },
];

let data: string;
let security: string;

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'whotalks-audit-'));
  security = join(data, 'security');
  await new AuditFile(security).append(events.map((event) => ({ event, atMs })));
});
afterEach(() => rmSync(data, { recursive: true }));

const audit = (...argv: string[]) => runCli(['audit', '--data', data, ...argv], { env: { NO_COLOR: '1' } });

test('lists what happened, hostile texts spelt out', async () => {
  expect(await audit()).toEqual({
    code: 0,
    err: '',
    out: [
      'AT                        WHAT           REASON      WHO             FROM           DETAIL',
      '2026-11-23T09:00:00.000Z  token-created  -           token 3f (ann)  -              read, by root on the command line',
      '2026-11-23T09:00:00.000Z  refused        wrong-role  token 3f (ann)  10.0.0.1:4000  no\\x1b[2J',
      '2026-11-23T09:00:00.000Z  banned         -           host web-7      -              by root on the command line',
      '',
    ].join('\n'),
  });
});

test('shows the newest lines where there are more, for people and for programs', async () => {
  const { out, err } = await audit('--limit', '1', '-o', 'json');
  const [, second] = await readAuditLines(security);
  expect(err).toBe('whotalks: 1 of 3 lines; --limit shows more\n');
  expect(JSON.parse(out)).toMatchObject({
    apiVersion: 'whotalks/v1',
    total: 3,
    audit: [{ seq: 3, kind: 'banned', subject: 'host web-7', previous: hashOfLine(second!) }],
  });
});

test('says that nothing happened where there is no log', async () => {
  rmSync(security, { recursive: true });
  expect(await audit()).toMatchObject({
    code: 0,
    err: `whotalks: nothing has happened yet: there is no audit log in ${security}\n`,
  });
});

describe('--verify', () => {
  test('tells the last line of a log that is whole', async () => {
    const lines = await readAuditLines(security);
    expect(await audit('--verify')).toEqual({
      code: 0,
      err: '',
      out:
        'whole: lines 1 to 3 hang together\n' +
        `last line: 3 ${hashOfLine(lines[2]!)} (noted elsewhere, it tells later whether lines were cut off at the end)\n`,
    });
  });

  test('tells which line was changed, by exit code 3 too', async () => {
    const path = auditPath(security, 0);
    writeFileSync(path, readFileSync(path, 'utf8').replace('10.0.0.1', '10.0.0.2'));
    expect(await audit('--verify')).toEqual({
      code: 3,
      err: '',
      out: 'line 3 of 3: the line before it was changed or taken out\n',
    });
    const { code, out } = await audit('--verify', '-o', 'json');
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      isWhole: false,
      lines: 3,
      faults: [{ line: 3, what: 'the line before it was changed or taken out' }],
    });
    expect((await audit()).err).toBe(
      'whotalks: the audit log was changed; "whotalks audit --verify" says where\n',
    );
  });
});
