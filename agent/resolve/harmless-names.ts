/**
 * What may be shown of a command line although it is a plain word, which any password can be: a word that many programs
 * have in common, and the value of an option or variable whose name says that it is no secret.
 */

/** What options and variables are called, at the end of their names, whose values are never secrets. */
const harmlessName = new RegExp(
  `(?:^|[-_.])(?:${[
    'address|addr|host|hostname|port|bind|listen|interface|iface|device|dev|socket|protocol|proto|family|scheme|method',
    'config|conf|prefix|suffix|output|input',
    'log|logger|level|loglevel|format|mode|type|kind|class|main|module|app|jar|classpath|cp|target|image|tag|version',
    'role|env|environment|profile|region|zone|rack|cluster|node|namespace|ns|group|service|job|queue|topic|schema',
    'database|db|dbname|table|index|shard|replica|user|username|uid|gid|hostid|name|engine|driver|backend|frontend',
    'workers?|threads?|procs|processes|concurrency|pool|size|max|min|count|limit|interval|timeout|period|delay|retries',
    'memory|cpus?|encoding|charset|lang|locale|tz|timezone|verbosity|verbose|debug|colou?r|strategy|policy|scheduler',
  ].join('|')})$`,
  'i',
);

/** One-letter options that nearly everywhere take a user, a module, a host, an interface. */
const harmlessLetters = 'umhi';

const words: ReadonlySet<string> = new Set(
  [
    'true false yes no on off auto always never none all any default enabled disabled',
    'start run serve server listen client worker workers web api agent master slave primary replica leader follower',
    'daemon daemon: process processes main child parent init launcher scheduler beat manager controller node cluster',
    'writer walwriter checkpointer background logical replication autovacuum archiver collector stats idle cache loader',
    'trace debug info notice warn warning error critical fatal quiet verbose json text plain',
    'tcp udp http https unix ipv4 ipv6 localhost local remote prod production staging dev development test',
    'ro rw sync async foreground fast slow exec env sudo sh bash node python python3 java route',
  ].flatMap((line) => line.split(' ')),
);

/** @param name of an option without its dashes, or of a variable */
export function isHarmlessName(name: string): boolean {
  return name.length === 1 ? harmlessLetters.includes(name) : harmlessName.test(name);
}

/** A word that says something about many programs, and is nobody's secret. */
export function isCommonWord(word: string): boolean {
  return words.has(word.toLowerCase());
}
