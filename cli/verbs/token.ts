/** `whotalks token create|list|revoke`: who may enrol, and who may ask. Works on the data folder, with or without an aggregator. */
import { mkdirSync } from 'node:fs';
import { grantsPath, securityFolder } from '../../aggregator/security/authority.ts';
import { describeGrants, type Token, type TokenGrants } from '../../aggregator/security/grants.ts';
import { GrantsFile } from '../../aggregator/security/grants-file.ts';
import { tokenRoles } from '../../aggregator/security/identity.ts';
import {
  createToken,
  joinTokenLifeMs,
  refusedToken,
  TokenError,
  timeText,
  tokenLifeMs,
} from '../../aggregator/security/tokens.ts';
import { apiVersion } from '../../wire/protocol.ts';
import { CliFailure, type ExitCode, exitCodes, usageFailure } from '../exit.ts';
import type { Column } from '../format/column.ts';
import { listFormats } from '../format/output-format.ts';
import { commonSettingsOf, type Invocation, requireFormat, sourcesOf } from '../invocation.ts';
import { note } from '../io.ts';
import { requireAggregatorFolder } from '../kept-places.ts';
import { noteInAudit } from '../note-in-audit.ts';
import { formatListing } from '../print.ts';
import {
  flagSetting,
  listSetting,
  parseDurationMs,
  resolveSettings,
  type Setting,
  textSetting,
} from '../settings.ts';

/** `never`, or a duration. */
const expirySetting: Setting<number | null | undefined> = {
  parse: (texts) => (texts.at(-1) === 'never' ? null : parseDurationMs(texts.at(-1) ?? '')),
  fallback: undefined,
};

const tokenSettings = {
  data: textSetting(null),
  join: flagSetting(false),
  host: textSetting(null),
  role: listSetting(),
  name: textSetting(''),
  expires: expirySetting,
} as const;

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const [action = '', ...words] = operand.split(' ').filter((word) => word !== '');
  const values = resolveSettings(tokenSettings, sourcesOf(invocation, invocation.file.aggregator ?? {}));
  const folder = securityFolder(requireAggregatorFolder(values.data, io.env));
  const file = new GrantsFile(grantsPath(folder));
  try {
    if (action === 'create' && words.length === 0) await create(invocation, folder, file, values);
    else if (action === 'list' && words.length === 0) list(invocation, file);
    else if (action === 'revoke' && words.length === 1) await revoke(invocation, folder, file, words[0]!);
    else throw usageFailure('token takes create, list or revoke ID; see "whotalks token --help"');
  } catch (error) {
    throw failureOf(error);
  }
  return exitCodes.ok;
}

interface CreateValues {
  readonly join: boolean;
  readonly host: string | null;
  readonly role: readonly string[];
  readonly name: string;
  readonly expires: number | null | undefined;
}

/** The token alone goes to stdout, so that it can go straight into a file. */
async function create(
  { io }: Invocation,
  folder: string,
  file: GrantsFile,
  values: CreateValues,
): Promise<void> {
  const grants = grantsOf(values);
  const { expires } = values;
  const lifeMs = expires === undefined ? (grants.kind === 'join' ? joinTokenLifeMs : tokenLifeMs) : expires;
  const name = values.name === '' && grants.kind === 'join' ? 'join' : values.name;
  if (name === '') throw usageFailure('--name: say whose token it is, such as --name ann');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { id, secret, untilMs } = createToken(file, { name, grants, lifeMs }, Date.now());
  const until = untilMs === null ? 'until it is revoked' : `until ${timeText(untilMs)}`;
  const use = grants.kind === 'join' ? 'one host enrols with it' : `it may ${grants.roles.join(', ')}`;
  const subject = `token ${id} (${name})`;
  const detail = `${subject} was made, for ${describeGrants({ grants })}, ${until}`;
  await noteInAudit(io, folder, { kind: 'token-created', subject, detail });
  io.stdout.write(`${secret}\n`);
  note(io, `token ${id}: ${use}, ${until}; it is not shown again`);
}

/** Throws a usage failure. */
function grantsOf({ join, host, role }: CreateValues): TokenGrants {
  if (join && role.length > 0)
    throw usageFailure('--join and --role: a token is for a host or for a person, not for both');
  if (join) return { kind: 'join', host };
  if (host !== null) throw usageFailure('--host goes with --join: it names the one host that may enrol');
  const roles = tokenRoles.filter((each) => role.includes(each));
  const unknown = role.find((each) => !(tokenRoles as readonly string[]).includes(each));
  if (unknown !== undefined)
    throw usageFailure(`--role: expected ${tokenRoles.join(', ')}, found ${JSON.stringify(unknown)}`);
  if (roles.length > 0) return { kind: 'roles', roles };
  throw usageFailure(`say what the token is for: --join, or --role with ${tokenRoles.join(', ')}`);
}

/** One token as it is listed. */
interface Row {
  readonly id: string;
  readonly name: string;
  readonly grants: string;
  readonly state: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly usedAt: string | null;
  readonly usedBy: string | null;
}

const columns: readonly Column<Row>[] = [
  { key: 'id', title: 'ID', value: (row) => row.id },
  { key: 'name', title: 'NAME', value: (row) => row.name, canShrink: true },
  { key: 'grants', title: 'GRANTS', value: (row) => row.grants, canShrink: true },
  { key: 'state', title: 'STATE', value: (row) => row.state },
  {
    key: 'expiresAt',
    title: 'EXPIRES',
    value: (row) => row.expiresAt,
    text: (row) => row.expiresAt ?? 'never',
  },
  { key: 'usedAt', title: 'FIRST USED', value: (row) => row.usedAt },
  { key: 'usedBy', title: 'BY', value: (row) => row.usedBy, canShrink: true },
  { key: 'createdAt', title: 'CREATED', value: (row) => row.createdAt, isWide: true },
];

function list(invocation: Invocation, file: GrantsFile): void {
  const { io } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, listFormats);
  const nowMs = Date.now();
  const rows = [...file.current().tokens.values()].map((token) => rowOf(token, nowMs));
  const document = { apiVersion, asOf: new Date(nowMs).toISOString(), tokens: rows };
  io.stdout.write(formatListing(io, settings, format, { document, rows, columns }));
  if (rows.length === 0) note(io, 'there is no token; "whotalks token create" makes one');
}

function rowOf(token: Token, nowMs: number): Row {
  const { id, name, createdMs, untilMs, used } = token;
  return {
    id,
    name,
    grants: describeGrants(token),
    state: stateOf(token, nowMs),
    createdAt: timeText(createdMs),
    expiresAt: untilMs === null ? null : timeText(untilMs),
    usedAt: used === null ? null : timeText(used.atMs),
    usedBy: used?.by ?? null,
  };
}

function stateOf(token: Token, nowMs: number): string {
  if (token.revokedMs !== null) return 'revoked';
  if (token.grants.kind === 'join' && token.used !== null) return 'used';
  return refusedToken(token, nowMs) === null ? 'good' : 'expired';
}

async function revoke({ io }: Invocation, folder: string, file: GrantsFile, id: string): Promise<void> {
  const token = file.current().tokens.get(id);
  if (token === undefined)
    throw new CliFailure(exitCodes.error, `there is no token ${id}; "whotalks token list" shows all`);
  if (token.revokedMs !== null)
    return note(io, `token ${id} was revoked at ${timeText(token.revokedMs)}: nothing to do`);
  file.append({ do: 'revoke', id, atMs: Date.now() });
  const subject = `token ${id} (${token.name})`;
  await noteInAudit(io, folder, { kind: 'token-revoked', subject, detail: `${subject} was revoked` });
  io.stdout.write(`token ${id} is revoked: a running aggregator refuses it from now on\n`);
}

function failureOf(error: unknown): unknown {
  if (error instanceof TokenError) return new CliFailure(exitCodes.error, error.message);
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined) return error;
  const why = code === 'EACCES' || code === 'EPERM' ? 'this user may not use it' : message;
  return new CliFailure(exitCodes.error, `${path}: ${why}; another data folder goes with --data DIR`);
}
