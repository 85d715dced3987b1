/**
 * What of one word of a command line may be shown: an allow-list of harmless shapes. Everything else becomes `***`.
 *
 * Harmless are numbers, paths, file names, host names, addresses with ports, and URLs without their userinfo and query.
 * A plain word may be anybody's password: whether it is shown is for its place to say. Letters mixed with digits are
 * shown only in short parts (`eth0`, `worker-3`), because keys, tokens and good passwords look like that.
 */
import { parseIp } from '../../model/ip.ts';
import { isCommonWord, isHarmlessName } from './harmless-names.ts';
import { isSecretName } from './secret-names.ts';

/** Stands for what is not shown. */
export const hidden = '***';

/** Whether a plain word may be shown where it stands. */
export type Place = 'words-too' | 'shapes-only';

/** Parts of a word longer than this are no words. */
const lettersMax = 24;

/** Letters mixed with digits up to this length are names such as `eth0`, `utf8` and `h2`. */
const mixedMax = 4;

const numeric = /^[+-]?\d{1,12}(?:\.\d{1,6})*[A-Za-z%]{0,3}$/;
const hostPort = /^(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;
const shellOperator = /^(?:[|&;<>]{1,2}|2>&1|--?)$/;

/** `com.example.Main`, and host names with a dot. */
const className =
  /^(?:com|org|net|io|dev|app|edu|gov|java|javax|scala|kotlin|clojure|[a-z]{2})(?:\.\w+){2,}$/;
const hostName = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}$/;

const fileSuffix =
  /\.(?:[cm]?[jt]sx?|py|rb|pl|php|sh|jar|war|conf|config|cfg|cnf|ini|ya?ml|json|toml|xml|properties|sock|pid|log|pem|crt|csv|db|sql|txt|lock|so|service)$/i;

/** Shows what is harmless in `word` and replaces the rest by `***`. */
export function redactValue(word: string, place: Place): string {
  if (word === '' || numeric.test(word) || shellOperator.test(word)) return word;
  if (/^[a-z][a-z0-9+.:-]*:\/\//i.test(word) && !word.includes(',')) return redactUrl(word);
  if (word.includes(',')) {
    const parts = word.split(',');
    return parts.map((part) => redactValue(part, place === 'words-too' ? place : 'shapes-only')).join(',');
  }
  const assignment = /^([\w.[\]-]+)=(.*)$/s.exec(word);
  if (assignment !== null) return redactNested(assignment[1]!, assignment[2]!);
  if (/^(?:~|\.{1,2})?\//.test(word)) return redactPaths(word);
  if (isAddress(word)) return word;
  const pair = /^([\w.-]*):(.+)$/s.exec(word);
  if (pair !== null) return redactPair(pair[1]!, pair[2]!);
  const login = /^([^@:]+)@([\w.-]+)$/.exec(word);
  if (login !== null) return login.slice(1).every(isHarmlessWord) ? word : `${hidden}@${login[2]}`;
  return mayShowWord(word, place) ? word : hidden;
}

/** A word without any of the signs above. */
function mayShowWord(word: string, place: Place): boolean {
  if (!word.split('/').every(isHarmlessWord)) return false;
  const isTelling =
    isCommonWord(word) || className.test(word) || hostName.test(word) || fileSuffix.test(word);
  return isTelling || (place === 'words-too' && !word.includes('/'));
}

/** `name=value`: hidden when the name announces a secret; a plain word only where the name says that it is none. */
export function redactAssignment(name: string, value: string): string {
  return `${name}=${redactNamed(name, value)}`;
}

/** An assignment of an assignment (`--env=NAME=VALUE`) is as deep as it goes: a further one is hidden. */
function redactNested(name: string, value: string): string {
  return /=.*=/s.test(value) ? `${name}=${hidden}` : redactAssignment(name, value);
}

/** The value of an option or variable. @param name without dashes */
export function redactNamed(name: string, value: string): string {
  if (isSecretName(name)) return hidden;
  // `-u NAME,PASSWORD`: of a list behind a letter nobody knows what it lists.
  const isKnown = isHarmlessName(name) && !(name.length === 1 && value.includes(','));
  return redactValue(value, isKnown ? 'words-too' : 'shapes-only');
}

/** `host:port`, `image:tag`, `from:/to`; two plain words may be a user with a password. */
function redactPair(left: string, right: string): string {
  if (isSecretName(left)) return `${left}:${hidden}`;
  if (left !== '' && !isHarmlessWord(left)) return hidden;
  if (/^\d{1,5}$/.test(right) || (numeric.test(right) && right.includes('.'))) return `${left}:${right}`;
  return right.startsWith('/') ? `${left}:${redactPaths(right)}` : `${left}:${hidden}`;
}

/** `NAME:SECRET@`, wherever it stands. */
export function hasUserinfo(word: string): boolean {
  const colon = word.indexOf(':');
  return colon >= 0 && word.lastIndexOf('@') > colon;
}

/** One absolute or dotted path, or several joined by colons as in a class path; what else stands there is none. */
function redactPaths(word: string): string {
  if (hasUserinfo(word)) return hidden;
  return word
    .split(':')
    .map((part) => (/^[~./]/.test(part) || isCommonWord(part) || part === '' ? redactPath(part) : hidden))
    .join(':');
}

function redactPath(path: string): string {
  return path.split('/').map(redactSegment).join('/');
}

/** File names are freer than words, but a long one that is no word may be a token. */
function redactSegment(segment: string): string {
  if (segment === '' || isHarmlessWord(segment)) return segment;
  return segment.length < 20 && /^[\w.@+%~*-]+$/.test(segment) ? segment : hidden;
}

/** Scheme, host, port and the plain words of the path. Userinfo and query are where secrets travel. */
function redactUrl(url: string): string {
  const schemeEnd = url.indexOf('://') + 3;
  let rest = url.slice(schemeEnd);
  let userinfo = '';
  // A password may hold an unescaped slash: then what stands before it is no host, and the last @ ends the userinfo.
  if (!hostPort.test(/^[^/?#]*/.exec(rest)![0]) && rest.includes('@')) {
    rest = rest.slice(rest.lastIndexOf('@') + 1);
    userinfo = `${hidden}@`;
  }
  const [, host, path, query] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(rest)!;
  const shownPath = path!.split('/').map((part) => (part === '' || isHarmlessWord(part) ? part : hidden));
  const shownHost = host === '' || hostPort.test(host!) ? host : hidden;
  return (
    url.slice(0, schemeEnd) + userinfo + shownHost + shownPath.join('/') + (query === '' ? '' : `?${hidden}`)
  );
}

/** An IPv4 or IPv6 address, with a port or prefix length or without. */
function isAddress(word: string): boolean {
  if (!/[.:]/.test(word)) return false;
  const match = /^(?:\[([^\]]+)\]|([^[\]/]+?))(?::\d{1,5})?(?:\/\d{1,3})?$/.exec(word);
  return parseIp(word) !== null || (match !== null && parseIp(match[1] ?? match[2]!) !== null);
}

/** Letters and digits in parts joined by dots, dashes, underscores and pluses, none of which looks random. */
export function isHarmlessWord(word: string): boolean {
  if (!/^[A-Za-z0-9_][\w.+-]*$/.test(word)) return false;
  let mixed = 0;
  for (const part of word.split(/[._+-]/)) {
    if (/^\d*$/.test(part) && part.length <= 8) continue;
    if (/^[A-Za-z]+$/.test(part) && !looksRandom(part)) continue;
    if (part.length > mixedMax || ++mixed > 1) return false;
  }
  return true;
}

/** Too long, too many changes of case, many capitals in a row, or hexadecimal digits that happen to be letters. */
function looksRandom(letters: string): boolean {
  const changes = letters.match(/[a-z][A-Z]/g)?.length ?? 0;
  return (
    letters.length > lettersMax ||
    changes > 3 ||
    (/^[A-Z]{12,}$|^[a-f]{8,}$/i.test(letters) && !/^[a-z]*[g-z][a-z]*$/.test(letters))
  );
}
