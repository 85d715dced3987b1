/** What a bad way between agents and aggregator does to the bytes: a proxy through which all of them go. */
import type { Fault } from '../fault.ts';
import type { ProxyMode } from '../fault-proxy.ts';

interface ProxyFault {
  readonly what: string;
  readonly mode: ProxyMode;
  readonly lastsMs: number;
}

const harms = {
  delay: {
    what: 'every chunk of bytes is 100 to 600 ms late, in order',
    mode: { mode: 'delay', ms: 100, jitterMs: 500 },
    lastsMs: 15_000,
  },
  stall: {
    what: 'no byte goes on, and no end of a connection',
    mode: { mode: 'stall' },
    lastsMs: 20_000,
  },
  truncate: {
    what: 'each connection is cut within 5 kB, in the middle of a message',
    mode: { mode: 'truncate', bytesMax: 5_000 },
    lastsMs: 10_000,
  },
  corrupt: {
    what: 'one bit in about 2 kB is flipped, in a frame header of HTTP/2',
    mode: { mode: 'corrupt', everyBytes: 2_000, where: 'headers' },
    lastsMs: 10_000,
  },
  'slow-reader': {
    what: 'what agents send is read at 1 kB/s',
    mode: { mode: 'slow', bytesPerSecond: 1_000 },
    lastsMs: 60_000,
  },
} as const satisfies Record<string, ProxyFault>;

export const proxyFaults = Object.keys(harms) as readonly (keyof typeof harms)[];

/** All agents at once. It lasts half as long or as long again as it says. */
export function proxyFault(name: keyof typeof harms): Fault {
  const { what, mode, lastsMs } = harms[name];
  return {
    name,
    what,
    needs: { proxy: true },
    times: 8,
    lastsMs: (random) => random.between(lastsMs / 2, lastsMs * 1.5),
    restsMs: (random) => random.between(500, 5_000),
    start: async (rig) => {
      await rig.proxy!.does(mode);
      return 1;
    },
    stop: (rig) => rig.proxy!.does({ mode: 'pass' }),
  };
}
