/** What people and links ask: the filter language, and targets of `to` and `from`. */
import { parseEndpoint } from '../../model/endpoint.ts';
import { parseIp, parsePrefix } from '../../model/ip.ts';
import { FilterError } from '../../query/filter-error.ts';
import { parseFilter } from '../../query/parser.ts';
import { formatFilter, formatTerm } from '../../query/syntax.ts';
import { parseTarget } from '../../query/target.ts';
import { expectIp, expectPrefix } from '../promises.ts';
import { expectAlike, expectThat, type Target } from '../target.ts';

const texts = [
  'web1 and not (10.0.0.0/8 or :5432)',
  '10.1.100.9:8743',
  '[fd00::1]:443 or fd00::/8',
  'checkout:443 "a name with \\"quotes\\""',
  'server.port = 443',
  'src 10.0.0.1',
  '::ffff:10.0.0.1',
];
const tokens = [
  'and',
  'or',
  'not',
  '(',
  ')',
  '"',
  "'",
  '\\',
  ' ',
  ':',
  '/',
  '[',
  ']',
  '::',
  '.',
  ',',
  'in',
  '!=',
  '10.0.0.1',
  'fd00::1',
  '/33',
  ':65536',
  'é',
  '\0',
  '\u2028',
];

const filter: Target = {
  name: 'filter',
  seeds: () => texts.map((text) => Buffer.from(text)),
  tokens,
  run(input) {
    const text = input.toString();
    const tree = parseFilter(text);
    const printed = formatFilter(tree);
    // Printing quotes, and may so go beyond what a person may type.
    if (printed.length <= text.length)
      expectAlike(parseFilter(printed), tree, 'a filter that is printed is the same filter');
    return tree;
  },
  refusals: [FilterError],
};

const target: Target = {
  name: 'target',
  seeds: () => [...texts, `:${'.'.repeat(60_000)}x`].map((text) => Buffer.from(text)),
  tokens,
  run(input) {
    const text = input.toString();
    const [ip, prefix, endpoint] = [parseIp(text), parsePrefix(text), parseEndpoint(text)];
    if (ip !== null) expectIp(ip);
    if (prefix !== null) expectPrefix(prefix);
    if (endpoint !== null) expectIp(endpoint.ip);
    const term = parseTarget(text);
    const printed = formatTerm(term);
    if (printed.length <= text.length)
      expectAlike(parseTarget(printed), term, 'a target that is printed is the same target');
    expectThat(ip === null || term.kind === 'ip', 'an address is a target');
    return [term, ip, prefix, endpoint];
  },
  refusals: [FilterError],
};

export const queryTargets: readonly Target[] = [filter, target];
