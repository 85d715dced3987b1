/** Names that a process or a host may have, and that somebody's screen, shell, spreadsheet or browser might take for more than text. */

/** What each kind does where it is not taken for text. */
const seeds: readonly string[] = [
  // A page that takes it for markup.
  '<script>window.harmed=1</script>',
  '<img src=x onerror=window.harmed=1>',
  '<svg/onload=window.harmed=1>',
  '"><iframe src=javascript:window.harmed=1>',
  "' onmouseover='window.harmed=1",
  '</td></tr></table><h1>',
  '</style><style>*{display:none}',
  '&lt;b&gt;&amp;&#60;',
  '{{constructor.constructor("window.harmed=1")()}}',
  // A terminal.
  '\u001b[31mred\u001b[0m',
  '\u001b[2J\u001b[H',
  '\u001b]0;title\u0007',
  '\u001b]8;;http://example.net\u001b\\link\u001b]8;;\u001b\\',
  '\u009b31m',
  '\u0007\b\b\b',
  'a\rb',
  'a\nb',
  'a\r\nb',
  'a\tb',
  'a\u0000b',
  'a\u007fb',
  'a\u0085b',
  // Letters that turn, hide or join others.
  '\u202egnp.exe',
  '\u2066a\u2069',
  'a\u200eb\u200fc\u061cd',
  'zero\u200bwidth\u200d\ufeff',
  'soft\u00adhyphen',
  'line\u2028paragraph\u2029',
  '\u{e0041}\u{e0042}tags',
  '👩‍👩‍👧‍👦',
  'e\u0301\u0302\u0303\u0304\u0305',
  '漢字',
  // No letters at all.
  '\ud800',
  'a\udc00b',
  '\ufffe\uffff',
  // Keys of objects.
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  // Paths.
  '../../../../etc/passwd',
  '..\\..\\windows',
  '/dev/null',
  'C:\\con',
  // Spreadsheets.
  "=cmd|' /C calc'!A0",
  '+1+1',
  '-2+3',
  '@SUM(1)',
  '=HYPERLINK("http://example.net","x")',
  // Quoting of one format or another.
  '"',
  '\\',
  '\\"; drop',
  "'",
  '`id`',
  '$(id)',
  'a,b;c|d',
  '"]; n0 --> n1; n2["',
  '%s%n%x',
  '#quot;',
  '--flag',
  '-',
  ' ',
  ' a ',
  'null',
  'undefined',
  'NaN',
  'true',
  '0',
  '{"a":1}',
  '}\n# HELP x\nx{a="b"} 1',
];

/** 200 of them, no two alike: each seed by itself, within a usual name, and twice; and one of 4 KiB. */
export const hostileNames: readonly string[] = [
  ...new Set([...seeds, ...seeds.map((seed) => `nginx${seed}`), ...seeds.map((seed) => `${seed}${seed}`)]),
]
  .slice(0, 199)
  .concat('x'.repeat(4096));
