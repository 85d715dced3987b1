/** 200 hostile names of processes and hosts through every output: text stays text. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionsDocument } from '../../model/document.ts';
import { type GuardedDoors, openDoors } from '../support/guarded-doors.ts';
import { hostileNames } from '../support/hostile-names.ts';
import { ReportedFleet } from '../support/reported-fleet.ts';
import { runCli } from '../support/run-cli.ts';

/** What a terminal acts upon, or shows as something else. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

let doors: GuardedDoors;

beforeAll(async () => {
  const fleet = new ReportedFleet();
  const server = fleet.host('server', { addresses: ['10.0.0.1'] });
  fleet.listen(server, '10.0.0.1:80', { program: 'nginx' });
  for (const [n, name] of hostileNames.entries()) {
    const ip = `10.1.0.${n + 1}`;
    const host = fleet.host(name, { addresses: [ip], labels: { [name]: name } });
    fleet.open(host, `${ip}:40000`, '10.0.0.1:80', { program: name, cmdline: name });
    fleet.open(server, '10.0.0.1:80', `${ip}:40000`, { program: 'nginx' });
    fleet.listen(host, `${ip}:8000`, { program: name });
  }
  fleet.pass(5_000);
  doors = await openDoors(fleet, 'local');
});
afterAll(() => doors.close());

const lists = ['connections', 'hosts', 'services', 'listeners', 'map', 'to :80', 'from 10.1.0.3'] as const;

async function ask(question: string, format: string): Promise<string> {
  const env = { WHOTALKS_SERVER: doors.grpcAddress };
  const argv = [...question.split(' '), '-o', format];
  const { code, out, err } = await runCli(argv, { env });
  expect({ code, err, question }).toEqual({ code: 0, err: '', question });
  return out;
}

describe.each(lists)('%s', (question) => {
  test.each(['table', 'wide'])('as %s has nothing that a terminal acts upon', async (format) => {
    expect(unsafe.exec((await ask(question, format)).replaceAll('\n', ''))).toBeNull();
  });

  test('as JSON is read as it was meant', async () => {
    const json = await ask(question, 'json');
    expect(unsafe.exec(json.replaceAll('\n', ''))).toBeNull();
    expect(Object.getPrototypeOf(JSON.parse(json))).toBe(Object.prototype);
    const lines = (await ask(question, 'ndjson')).trimEnd().split('\n');
    for (const line of lines) expect(typeof JSON.parse(line)).toBe('object');
  });

  test('as CSV has no formula, and as many fields in each record', async () => {
    const csv = await ask(question, 'csv');
    expect(unsafe.exec(csv.replaceAll(/[\r\n\t]/g, ''))).toBeNull();
    const records = parseCsv(csv);
    expect(new Set(records.map((record) => record.length)).size).toBe(1);
    for (const field of records.flat()) expect(field).not.toMatch(/^[=+@\t\r]|^-.*[^a-z0-9.-]/);
  });
});

test.each(['dot', 'mermaid'])('the map as %s has one statement a line', async (format) => {
  const out = await ask('map', format);
  expect(unsafe.exec(out.replaceAll('\n', ''))).toBeNull();
  const statement =
    format === 'dot'
      ? /^(digraph whotalks \{|\}| {2}(rankdir|node) ?.*;| {2}"(?:[^"\\]|\\.)*" -> "(?:[^"\\]|\\.)*" \[.*\];)$/
      : /^(flowchart LR| {2}n\d+\["[^"<>]*"\]| {2}n\d+ (-->|-\.->)\|"[^"]*"\| n\d+)$/;
  for (const line of out.trimEnd().split('\n')) expect(line).toMatch(statement);
});

test('there are 200 of them', () => {
  expect(new Set(hostileNames).size).toBe(200);
});

test('over HTTP they are the same texts', async () => {
  const response = await fetch(`http://${doors.httpAddress}/api/v1/connections?limit=1000`);
  const { connections } = (await response.json()) as ConnectionsDocument;
  const told = new Set(connections.map(({ client }) => client.host));
  expect(hostileNames.filter((name) => !told.has(name) && !/\p{Cs}/u.test(name))).toEqual([]);
});

test('metrics keep one sample a line', async () => {
  const text = await (await fetch(`http://${doors.httpAddress}/metrics`)).text();
  const sample = /^[a-zA-Z_:][\w:]*(\{([a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? [-+\w.]+$/;
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('# '));
  expect(lines.filter((line) => !sample.test(line))).toEqual([]);
  expect(text).toContain('host="__proto__"');
});

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    record.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === ',') continue;
    records.push(record);
    record = [];
  }
  return records;
}
