/** `whotalks audit`: what of security happened, newest last, and whether the log is whole. Reads the data folder, with or without an aggregator. */
import {
  type AuditRecord,
  type ChainVerdict,
  parseRecord,
  verifyChain,
} from '../../aggregator/security/audit-chain.ts';
import { readAuditLines } from '../../aggregator/security/audit-file.ts';
import { securityFolder } from '../../aggregator/security/authority.ts';
import { apiVersion } from '../../wire/protocol.ts';
import { CliFailure, type ExitCode, exitCodes } from '../exit.ts';
import type { Column } from '../format/column.ts';
import { formatJson } from '../format/json.ts';
import { listFormats } from '../format/output-format.ts';
import { commonSettingsOf, type Invocation, requireFormat, sourcesOf } from '../invocation.ts';
import { type CliIo, note } from '../io.ts';
import { requireAggregatorFolder } from '../kept-places.ts';
import { formatListing } from '../print.ts';
import { flagSetting, resolveSettings, textSetting } from '../settings.ts';

const auditSettings = { data: textSetting(null), verify: flagSetting(false) } as const;

/** Lines that are shown where nobody says how many. */
const rowsDefault = 100;

const columns: readonly Column<AuditRecord>[] = [
  { key: 'at', title: 'AT', value: (row) => row.at },
  { key: 'kind', title: 'WHAT', value: (row) => row.kind },
  { key: 'reason', title: 'REASON', value: (row) => row.reason },
  { key: 'subject', title: 'WHO', value: (row) => row.subject, canShrink: true },
  { key: 'peer', title: 'FROM', value: (row) => row.peer },
  { key: 'detail', title: 'DETAIL', value: (row) => row.detail, canShrink: true },
  { key: 'seq', title: 'LINE', value: (row) => row.seq, isWide: true },
];

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  const values = resolveSettings(auditSettings, sourcesOf(invocation, invocation.file.aggregator ?? {}));
  const folder = securityFolder(requireAggregatorFolder(values.data, io.env));
  const lines = await readLines(folder);
  const chain = verifyChain(lines);
  if (values.verify) return tellChain(io, folder, chain, format === 'json' || format === 'ndjson');
  const all = lines.map(parseRecord).filter((record) => record !== null);
  const rows = all.slice(-(settings.limit === 0 ? rowsDefault : settings.limit));
  const document = { apiVersion, asOf: new Date().toISOString(), audit: rows, total: all.length };
  io.stdout.write(formatListing(io, { ...settings, sort: '' }, format, { document, rows, columns }));
  if (rows.length < all.length) note(io, `${rows.length} of ${all.length} lines; --limit shows more`);
  if (all.length === 0) note(io, `nothing has happened yet: there is no audit log in ${folder}`);
  if (chain.faults.length > 0) note(io, 'the audit log was changed; "whotalks audit --verify" says where');
  return exitCodes.ok;
}

/** Throws a CliFailure. */
async function readLines(folder: string): Promise<string[]> {
  try {
    return await readAuditLines(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? 'this user may not read it' : message;
    throw new CliFailure(exitCodes.error, `${folder}: ${why}; another data folder goes with --data DIR`);
  }
}

function tellChain(io: CliIo, folder: string, chain: ChainVerdict, isJson: boolean): ExitCode {
  const { lines, firstSeq, end, faults } = chain;
  const isWhole = faults.length === 0;
  if (isJson) {
    const verdict = { isWhole, lines, firstLine: firstSeq, lastLine: end.seq, lastHash: end.hash, faults };
    io.stdout.write(formatJson({ apiVersion, asOf: new Date().toISOString(), ...verdict }));
  } else if (lines === 0) {
    io.stdout.write(`there is no audit log in ${folder}\n`);
  } else if (isWhole) {
    io.stdout.write(
      `whole: lines ${firstSeq} to ${end.seq} hang together\n` +
        `last line: ${end.seq} ${end.hash} (noted elsewhere, it tells later whether lines were cut off at the end)\n`,
    );
  } else {
    for (const { line, what } of faults) io.stdout.write(`line ${line} of ${lines}: ${what}\n`);
  }
  return isWhole ? exitCodes.ok : exitCodes.checkFailed;
}
