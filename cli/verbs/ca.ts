/** `whotalks ca init|show|ban|unban`: the CA of a fleet, and who is kept out of it. Works on the data folder, with or without an aggregator. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  AuthorityError,
  createAuthority,
  grantsPath,
  readAuthority,
  securityFolder,
} from '../../aggregator/security/authority.ts';
import { GrantsFile } from '../../aggregator/security/grants-file.ts';
import { timeText } from '../../aggregator/security/tokens.ts';
import { parseIp } from '../../model/ip.ts';
import { parseHostPort } from '../../wire/host-port.ts';
import { apiVersion, defaultGrpcAddress, defaultHttpAddress } from '../../wire/protocol.ts';
import { CliFailure, type ExitCode, exitCodes, usageFailure } from '../exit.ts';
import { formatJson } from '../format/json.ts';
import { plainText } from '../format/plain-text.ts';
import { commonSettingsOf, type Invocation, requireFormat, sourcesOf } from '../invocation.ts';
import { type CliIo, note } from '../io.ts';
import { requireAggregatorFolder } from '../kept-places.ts';
import { noteInAudit } from '../note-in-audit.ts';
import { listSetting, resolveSettings, textSetting } from '../settings.ts';

const caSettings = { data: textSetting(null), name: listSetting() } as const;

/** What an action works on. */
interface CaCall {
  readonly io: CliIo;
  readonly folder: string;
  /** ` --data DIR` where the default would not find it. */
  readonly dataFlag: string;
  readonly names: readonly string[];
  readonly isJson: boolean;
}

export async function run(invocation: Invocation): Promise<ExitCode> {
  const [action = '', ...words] = invocation.operand.split(' ').filter((word) => word !== '');
  const format = requireFormat(commonSettingsOf(invocation).output, ['table', 'json']);
  const call = caCallOf(invocation, format === 'json');
  if (action === 'init' && words.length === 0) await init(call);
  else if (action === 'show' && words.length === 0) show(call, requireAuthority(call));
  else if ((action === 'ban' || action === 'unban') && words.length === 1)
    await setBan(call, action, words[0]!);
  else throw usageFailure('ca takes init, show, ban HOST_ID or unban HOST_ID; see "whotalks ca --help"');
  return exitCodes.ok;
}

function caCallOf(invocation: Invocation, isJson: boolean): CaCall {
  const { io } = invocation;
  const { data, name } = resolveSettings(caSettings, sourcesOf(invocation, invocation.file.aggregator ?? {}));
  for (const each of name) {
    if (parseIp(each) === null && !/^[A-Za-z0-9_*]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?$/.test(each)) {
      throw usageFailure(`--name: ${JSON.stringify(each)} is neither a host name nor an address`);
    }
  }
  const dataFolder = requireAggregatorFolder(data, io.env);
  const dataFlag = data === null ? '' : ` --data ${data}`;
  return { io, folder: securityFolder(dataFolder), dataFlag, names: name, isJson };
}

async function init(call: CaCall): Promise<void> {
  const { io, folder, names } = call;
  const known = found(() => readAuthority(folder));
  if (known !== null) {
    note(io, `${folder} has a CA already, which is left as it is; "whotalks ca show" tells of it`);
    return;
  }
  const authority = await createAuthority(folder, names, Date.now()).catch((error: unknown) => {
    throw failureOf(error, folder);
  });
  if (call.isJson) return show(call, authority);
  io.stdout.write(`made the CA of a fleet in ${folder}\n${description(authority)}\n${nextSteps(call)}`);
}

/** What a person does next, to be copied. */
function nextSteps({ io, folder, dataFlag, names }: CaCall): string {
  const program = io.programName;
  const { port } = parseHostPort(defaultGrpcAddress);
  const http = parseHostPort(defaultHttpAddress);
  const name = names[0] ?? hostname();
  return [
    'next, on this machine:\n',
    `  ${program} aggregator${dataFlag} --listen 0.0.0.0:${port} --http 0.0.0.0:${http.port}\n`,
    `  ${program} token create --join${dataFlag} > join-token\n`,
    `  ${program} token create --role read --name YOU${dataFlag}\n`,
    `then on each host, with its own join-token and ${join(folder, 'ca.crt')} copied there:\n`,
    `  ${program} agent --server ${name}:${port} --ca ca.crt --token-file join-token\n`,
  ].join('');
}

function show({ io, folder, isJson }: CaCall, authority: Authority): void {
  const bans = [...found(() => new GrantsFile(grantsPath(folder)).current()).bans.keys()];
  if (isJson) {
    const { fingerprint, untilMs, names } = authority;
    const validUntil = new Date(untilMs).toISOString();
    const document = {
      apiVersion,
      asOf: new Date().toISOString(),
      fingerprint,
      validUntil,
      names,
      banned: bans,
    };
    io.stdout.write(formatJson(document));
    return;
  }
  const banned = bans.length === 0 ? '' : `  banned       ${plainText(bans.join(', '))}\n`;
  io.stdout.write(`the CA in ${folder}\n${description(authority)}${banned}`);
}

function description({ fingerprint, untilMs, names }: Authority): string {
  return [
    `  fingerprint  ${fingerprint}\n`,
    `  good until   ${timeText(untilMs)}\n`,
    `  server       ${[...names, 'names and addresses of the machine it runs on'].join(', ')}\n`,
  ].join('');
}

async function setBan(call: CaCall, action: 'ban' | 'unban', host: string): Promise<void> {
  const { io, folder } = call;
  requireAuthority(call);
  const grants = new GrantsFile(grantsPath(folder));
  const isBanned = found(() => grants.current().bans.has(host));
  if (isBanned === (action === 'ban')) {
    note(io, `host ${host} is ${isBanned ? 'banned already' : 'not banned'}: nothing to do`);
    return;
  }
  found(() => grants.append({ do: action, host, atMs: Date.now() }));
  await noteInAudit(io, folder, {
    kind: action === 'ban' ? 'banned' : 'unbanned',
    subject: `host ${host}`,
    detail: `host ${host} was ${action}ned`,
  });
  const isKnown = grants.current().certified.has(host);
  if (action === 'ban' && !isKnown)
    note(io, `no host with the id ${host} has enrolled here; it is banned all the same`);
  io.stdout.write(
    action === 'ban'
      ? `host ${plainText(host)} is banned: a running aggregator ends its stream within a second\n`
      : `host ${plainText(host)} is let in again\n`,
  );
}

function requireAuthority({ folder, dataFlag }: CaCall): Authority {
  const authority = found(() => readAuthority(folder));
  if (authority !== null) return authority;
  throw new CliFailure(exitCodes.error, `${folder} has no CA: "whotalks ca init${dataFlag}" makes one`);
}

function found<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw failureOf(error, 'the data folder');
  }
}

function failureOf(error: unknown, place: string): unknown {
  if (error instanceof AuthorityError) return new CliFailure(exitCodes.error, error.message);
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const why = code === 'EACCES' || code === 'EPERM' ? 'this user may not write there' : message;
  return new CliFailure(exitCodes.error, `${path ?? place}: ${why}; choose another folder with --data DIR`);
}
