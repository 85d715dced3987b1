/** Columns of `sockets`: a table of many is filled in another way than other formats, and says the same. */
import { expect, test } from 'vitest';
import { socketColumns } from '../../cli/columns/sockets.ts';
import type { Column } from '../../cli/format/column.ts';
import { formatTable, type TableOptions } from '../../cli/format/table.ts';
import { noContainer } from '../../model/container.ts';
import { type IpAddress, parseIp } from '../../model/ip.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { fc } from '../support/random-cases.ts';

const ip = fc
  .constantFrom('127.0.0.1', '10.1.100.9', 'fd00::1', '::')
  .map((text): IpAddress => parseIp(text)!);
const unknown = { exe: null, cmdline: null, program: null, user: null, unit: null, ...noContainer };
const processes = ['bash', 'nginx: ü', '検索', '\x1b[2J', ''].map((comm, i): Process => {
  return { pid: 1 + 10 ** (2 * i), startTicks: 1, comm, uid: 0, ...unknown };
});
const owner: fc.Arbitrary<Owner> = fc.record({
  process: fc.constantFrom(...processes),
  fds: fc.array(fc.nat(200_000), { minLength: 1, maxLength: 2 }),
});
const endpoint = fc.record({ ip, port: fc.oneof(fc.constant(0), fc.nat(65_535)) });
const socket: fc.Arbitrary<OwnedSocket> = fc.record({
  protocol: fc.constantFrom('tcp', 'udp'),
  state: fc.constantFrom('established', 'listen', 'unconnected'),
  local: endpoint,
  remote: endpoint,
  inode: fc.nat(),
  uid: fc.nat(),
  netns: fc.nat(),
  owners: fc.oneof({ weight: 4, arbitrary: fc.tuple(owner) }, fc.array(owner, { maxLength: 2 })),
});
/** Runs of rows that differ in numbers alone, as those of one process do. */
const rows = fc
  .array(fc.tuple(socket, fc.array(fc.nat(65_535), { maxLength: 4 })), { maxLength: 8 })
  .map((some) => some.flatMap(([one, ports]) => [one, ...ports.map((port) => withPort(one, port))]));

function withPort(one: OwnedSocket, port: number): OwnedSocket {
  return { ...one, remote: { ...one.remote, port } };
}

const filled = socketColumns().filter(({ isWide }) => isWide !== true);

/** The same, cell by cell. */
const cellByCell = filled.map(({ key, title, value, canShrink }): Column<OwnedSocket> => {
  const text = (row: OwnedSocket): string => {
    return key === 'remote' && row.remote.port === 0 ? '*' : String(value(row));
  };
  return { key, title, value, text, ...(canShrink === undefined ? {} : { canShrink }) };
});

/** Any of them in any order, some left out, some twice. */
const choice = fc.oneof(
  fc.constant(filled.map((_, i) => i)),
  fc.array(fc.nat(filled.length - 1), { minLength: 1, maxLength: 7 }),
);

test('the table of any sockets is what it is cell by cell, whichever columns are shown', () => {
  const options = fc.record<TableOptions>({
    asOf: fc.constant(''),
    hasHeaders: fc.boolean(),
    width: fc.constantFrom(null, 60, 80),
    isColored: fc.constant(false),
  });
  fc.assert(
    fc.property(rows, choice, options, (some, chosen, how) => {
      const shown = chosen.map((i) => filled[i]!);
      const plain = chosen.map((i) => cellByCell[i]!);
      expect(formatTable(some, shown, how)).toBe(formatTable(some, plain, how));
    }),
  );
});

test('lines that differ in numbers alone are as long as theirs', () => {
  const process: Process = { pid: 71, startTicks: 1, comm: 'java', uid: 0, ...unknown };
  const one = (port: number, fd: number): OwnedSocket => ({
    protocol: 'tcp',
    state: 'established',
    local: { ip: parseIp('10.1.100.9')!, port: 8743 },
    remote: { ip: parseIp('10.1.17.138')!, port },
    inode: 1,
    uid: 0,
    netns: 1,
    owners: [{ process, fds: [fd] }],
  });
  const how = { asOf: '', hasHeaders: false, width: null, isColored: false };
  expect(formatTable([one(50_000, 101), one(443, 7), one(8, 100_000), one(61_000, 9)], filled, how)).toBe(
    [
      'tcp  established  10.1.100.9:8743  10.1.17.138:50000  java[71] fd 101',
      'tcp  established  10.1.100.9:8743  10.1.17.138:443    java[71] fd 7',
      'tcp  established  10.1.100.9:8743  10.1.17.138:8      java[71] fd 100000',
      'tcp  established  10.1.100.9:8743  10.1.17.138:61000  java[71] fd 9',
      '',
    ].join('\n'),
  );
});
