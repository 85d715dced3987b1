/**
 * A plausible fleet: which services there are, where they run, and who calls whom. Pure, and equal for equal numbers.
 *
 * Services stand in a row from the edge to the stores, and call only those behind them. Planted stories: a caller
 * without an agent, a listener that nobody uses, a prefork server, and a nightly job that begins to call a store after
 * a minute.
 */
import { SeededRandom } from './random.ts';

export interface FleetShape {
  readonly hosts: number;
  readonly services: number;
  readonly seed: number;
}

export interface PlannedHost {
  /** 0 and up. */
  readonly index: number;
  readonly name: string;
  readonly ip: string;
}

export interface PlannedService {
  /** 0 and up; tells its processes and sockets apart from those of others. */
  readonly index: number;
  readonly name: string;
  readonly port: number;
  /** Hosts it runs on, one instance each. */
  readonly hosts: readonly PlannedHost[];
  /** Processes that share its listener: the first listens, the others accept. */
  readonly workers: number;
}

export interface PlannedCall {
  readonly client: PlannedService;
  readonly server: PlannedService;
  /** Connections that each client instance keeps open. */
  readonly pool: number;
  /** When the first of them opens, after the start. */
  readonly startsAfterMs: number;
}

export interface FleetPlan {
  readonly hosts: readonly PlannedHost[];
  readonly services: readonly PlannedService[];
  readonly calls: readonly PlannedCall[];
  /** Calls a service from a host that has no agent. */
  readonly stranger: { readonly ip: string; readonly server: PlannedService; readonly connections: number };
}

/** Workers of a prefork server. */
export const workersMax = 4;

export const hostsMax = 1000;
export const servicesMax = 200;

/** Names and ports of a shop, from the edge to the stores. */
const trades: readonly (readonly [name: string, port: number])[] = [
  ['edge', 443],
  ['web', 8080],
  ['checkout', 8081],
  ['cart', 8082],
  ['search', 8083],
  ['index', 8743],
  ['users', 8084],
  ['orders', 8085],
  ['billing', 8086],
  ['mail', 2525],
  ['queue', 5672],
  ['cache', 6379],
  ['store', 5432],
];

/** The nightly job opens its first connection this long after the start, so that `watch` shows a new edge. */
const nightlyAfterMs = 60_000;

export function planFleet(shape: FleetShape): FleetPlan {
  const random = new SeededRandom(shape.seed);
  const hosts = Array.from({ length: shape.hosts }, (_, index) => planHost(index));
  const services = Array.from({ length: shape.services }, (_, index) =>
    planService(index, shape.services, hosts, random),
  );
  const last = services.at(-1)!;
  const unused: PlannedService = {
    index: shape.services,
    name: 'forgotten',
    port: 9000,
    hosts: [random.pick(hosts)],
    workers: 1,
  };
  const nightly: PlannedService = {
    index: shape.services + 1,
    name: 'nightly',
    port: 0,
    hosts: [random.pick(hosts)],
    workers: 1,
  };
  return {
    hosts,
    services: [...services, unused, nightly],
    calls: [
      ...services.flatMap((service, index) => planCalls(service, services.slice(index + 1), random)),
      { client: nightly, server: last, pool: 2, startsAfterMs: nightlyAfterMs },
    ],
    stranger: { ip: '10.77.255.9', server: random.pick(services), connections: 2 },
  };
}

function planHost(index: number): PlannedHost {
  return { index, name: `demo-${index + 1}`, ip: `10.77.${Math.floor(index / 250)}.${(index % 250) + 1}` };
}

/** Few services take the trades spread from edge to store; beyond the list, names get numbers. */
function planService(
  index: number,
  count: number,
  hosts: readonly PlannedHost[],
  random: SeededRandom,
): PlannedService {
  const spread =
    count <= trades.length ? Math.round((index * (trades.length - 1)) / Math.max(1, count - 1)) : index;
  const [name, port] = trades[spread % trades.length]!;
  const round = Math.floor(spread / trades.length);
  const copiesMax = Math.max(3, Math.ceil((2 * hosts.length) / count));
  const copies = 1 + random.below(Math.min(copiesMax, hosts.length));
  const first = random.below(hosts.length);
  return {
    index,
    name: round === 0 ? name : `${name}-${round + 1}`,
    // No two of the list are equal modulo 1000.
    port: port + 1000 * round,
    hosts: Array.from({ length: copies }, (_, copy) => hosts[(first + copy) % hosts.length]!),
    workers: index === 1 ? workersMax : 1,
  };
}

function planCalls(
  client: PlannedService,
  behind: readonly PlannedService[],
  random: SeededRandom,
): PlannedCall[] {
  const wanted = Math.min(behind.length, 1 + random.below(3));
  const servers = new Set<PlannedService>(behind.slice(0, 1));
  while (servers.size < wanted) servers.add(random.pick(behind));
  return [...servers].map((server) => ({ client, server, pool: 1 + random.below(4), startsAfterMs: 0 }));
}
