/** Packets between agents and aggregator that do not arrive: nftables in the hosts' own namespaces. */
import type { Host } from '../../fleet/host.ts';
import type { Fault } from '../fault.ts';

const aggregatorIp = '10.1.0.1';

/** Rules in the namespace of an agent's host. */
const losses = {
  partition: {
    what: 'no packet passes between some agents and the aggregator, for 20 s at most',
    rules: [`out ip daddr ${aggregatorIp} drop`, `in ip saddr ${aggregatorIp} drop`],
  },
  'one-way': {
    what: 'nothing of the aggregator arrives at some agents, for 20 s at most',
    rules: [`in ip saddr ${aggregatorIp} drop`],
  },
  'one-way-back': {
    what: 'nothing of some agents arrives at the aggregator, for 20 s at most',
    rules: [`out ip daddr ${aggregatorIp} drop`],
  },
  'loss-30': {
    what: 'three packets of ten between some agents and the aggregator are lost, for 20 s at most',
    rules: [
      `out ip daddr ${aggregatorIp} numgen random mod 10 < 3 drop`,
      `in ip saddr ${aggregatorIp} numgen random mod 10 < 3 drop`,
    ],
  },
} as const;

const table = 'inet whotalks_fault';

export function networkFault(name: keyof typeof losses): Fault {
  const { what, rules } = losses[name];
  let cut: readonly Host[] = [];
  return {
    name,
    what,
    needs: {},
    times: 20,
    lastsMs: (random) => random.between(1_000, 20_000),
    restsMs: (random) => random.between(500, 5_000),
    start: async (rig, random) => {
      cut = random.some(rig.hosts);
      await Promise.all(cut.map((host) => host.nft(rulesOf(rules))));
      return cut.length;
    },
    stop: async () => {
      await Promise.all(cut.map((host) => host.nft(`delete table ${table}\n`)));
    },
  };
}

export const networkFaults = Object.keys(losses) as readonly (keyof typeof losses)[];

function rulesOf(rules: readonly string[]): string {
  return [
    `add table ${table}`,
    `add chain ${table} in { type filter hook input priority 0; }`,
    `add chain ${table} out { type filter hook output priority 0; }`,
    ...rules.map((rule) => `add rule ${table} ${rule}`),
    '',
  ].join('\n');
}
