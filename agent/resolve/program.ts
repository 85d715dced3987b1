/**
 * The stable name of what runs: the base name of the executable or, where that is an interpreter, of its program.
 *
 * `node /srv/checkout/dist/server.js` is "checkout", `java -jar billing-1.4.2.jar` is "billing", `python3 -m celery` is
 * "celery". A name never contains a pid, a version that changes with every release, or an argument.
 */

/** How an interpreter takes its program from the command line. */
interface Interpreter {
  /** Base names of the executable. */
  readonly names: RegExp;
  /** Options that take the next argument as their value. */
  readonly valued: ReadonlySet<string>;
  /** Options (also in clusters, such as `-lc`) whose value is the program's text: there is no name then. */
  readonly inline: RegExp;
  /** Options whose value names the program. */
  readonly program: ReadonlySet<string>;
}

const interpreters: readonly Interpreter[] = [
  {
    names: /^(?:node|nodejs|bun|deno)$/,
    valued: new Set([
      '-r',
      '--require',
      '--import',
      '--loader',
      '--experimental-loader',
      '-C',
      '--conditions',
    ]),
    inline: /^(?:-p?e|-p|--eval|--print)$/,
    program: new Set([]),
  },
  {
    names: /^(?:python|pypy)[0-9.]*$/,
    valued: new Set(['-W', '-X', '--check-hash-based-pycs']),
    inline: /^-[A-Za-z]*c$/,
    program: new Set(['-m']),
  },
  {
    names: /^(?:ruby|jruby)[0-9.]*$/,
    valued: new Set(['-I', '-r', '-E', '-C']),
    inline: /^-[A-Za-z]*e$/,
    program: new Set([]),
  },
  {
    names: /^perl[0-9.]*$/,
    valued: new Set(['-I']),
    inline: /^-[A-Za-z]*[eE]$/,
    program: new Set([]),
  },
  {
    names: /^php[0-9.]*$/,
    valued: new Set(['-d', '-c', '-S', '-t']),
    inline: /^-r$/,
    program: new Set(['-f']),
  },
  {
    names: /^java$/,
    valued: new Set([
      '-cp',
      '-classpath',
      '--class-path',
      '-p',
      '--module-path',
      '--add-modules',
      '--add-opens',
    ]),
    inline: /(?!)/,
    program: new Set(['-jar', '-m', '--module']),
  },
  {
    names: /^(?:bash|sh|dash|ash|ksh|zsh)$/,
    valued: new Set(['-o', '-O', '+o', '--rcfile', '--init-file']),
    inline: /^-[A-Za-z]*c$/,
    program: new Set([]),
  },
];

/** Words before the program that do not name it: `deno run FILE`, `bun run FILE`. */
const passedOver: ReadonlySet<string> = new Set(['', 'run']);

/** One executable with many names, told apart by the name that it is started under. */
const multiCall = /^(?:busybox|toybox|coreutils)$/;

/** Names that a program file may have in any project; the folder above says more. */
const generic =
  /^(?:index|main|__main__|server|app|application|cli|start|run|worker|service|entry|entrypoint|bootstrap|manage|wsgi|asgi)$/i;

/** Folders that hold a project's files without naming it. */
const layoutFolder =
  /^(?:dist|build|out|src|lib|libexec|bin|sbin|app|apps|server|target|classes|current|release|releases|opt|srv|usr|local|home|root|var|tmp|www|code|workspace|)$/i;

/** Suffixes of program files; a base name keeps any other dot. */
const programSuffix = /\.(?:[cm]?[jt]sx?|py[co]?|rb|pl|php|sh|bash|jar|war|phar)$/i;

/** `-1.4.2`, `-1.4.2-SNAPSHOT` or `_2.13-3.5` at the end of a jar's name. */
const versionSuffix = /[-_]v?\d+(?:\.\d+)+[\w.+-]*$/;

/**
 * @param exe absolute path, null where it cannot be read; then the name under which the process was started is used
 * @param args the command line, unredacted: the name is taken from places where no secret stands
 * @returns null when there is neither
 */
export function programName(exe: string | null, args: readonly string[]): string | null {
  const path = exe ?? startedAs(args[0]);
  if (path === null) return null;
  const name = baseName(path);
  if (multiCall.test(name)) return baseName(startedAs(args[0]) ?? path);
  const interpreter = interpreters.find(({ names }) => names.test(name));
  if (interpreter === undefined) return name;
  const program = programArgument(interpreter, args);
  if (program === null) return name;
  return name === 'java' ? javaName(program) : scriptName(program);
}

/** `nginx: worker process` and `-bash` (a login shell) both start with what was run. */
function startedAs(firstArgument: string | undefined): string | null {
  const match = /^-?([^\s:]+)/.exec(firstArgument ?? '');
  return match === null ? null : match[1]!;
}

/** The first argument that is neither an option nor the value of one; null when the program is text or absent. */
function programArgument(interpreter: Interpreter, args: readonly string[]): string | null {
  for (let i = 1; i < args.length; i++) {
    const arg = args[i]!;
    if (interpreter.inline.test(arg)) return null;
    if (interpreter.program.has(arg)) return args[i + 1] ?? null;
    if (interpreter.valued.has(arg)) i++;
    else if (!/^[-+]/.test(arg) && !passedOver.has(arg)) return arg;
  }
  return null;
}

function scriptName(script: string): string {
  const segments = script.split('/');
  const name = segments.pop()!.replace(programSuffix, '');
  if (!generic.test(name)) return name;
  const folder = segments.findLast((segment) => !layoutFolder.test(segment) && !/^\.+$/.test(segment));
  return folder ?? name;
}

/** A jar without its version; of a class or `module/class` the last part that is not a mere "Main". */
function javaName(program: string): string {
  if (/\.[jw]ar$/.test(program)) return scriptName(program).replace(versionSuffix, '');
  const parts = program.split('/').at(-1)!.split('.');
  return parts.findLast((part) => !generic.test(part)) ?? parts.at(-1)!;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
