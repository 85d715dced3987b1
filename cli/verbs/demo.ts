/** `whotalks demo`: simulated hosts, each with a real agent that streams over real gRPC. */
import { setMaxListeners } from 'node:events';
import type { Logger } from 'pino';
import { type AgentConfig, defaultAgentConfig } from '../../agent/config.ts';
import { Finders } from '../../agent/finders.ts';
import { runAgent } from '../../agent/run.ts';
import type { Aggregator } from '../../aggregator/run.ts';
import { defaultGrpcAddress } from '../../wire/protocol.ts';
import { type AggregatorSettings, aggregatorSettingsOf } from '../daemon-settings.ts';
import { type FleetPlan, type FleetShape, hostsMax, planFleet, servicesMax } from '../demo/plan.ts';
import { SimulatedHost } from '../demo/simulated-host.ts';
import { World } from '../demo/world.ts';
import { addressLines, serverFlag, startEmbedded } from '../embedded.ts';
import { type ExitCode, endOfDaemon, usageFailure } from '../exit.ts';
import { type Invocation, warnIfExposed } from '../invocation.ts';
import type { CliIo } from '../io.ts';
import { createPersonLog } from '../log.ts';
import { addressSetting, countSetting, flagSetting, resolveSettings } from '../settings.ts';

const demoSettings = {
  hosts: countSetting(8),
  services: countSetting(10),
  seed: countSetting(1),
  server: addressSetting(null),
  insecure: flagSetting(false),
} as const;

/** Rows of simulated hosts never meet real ones: they are in an address space of their own. */
const demoRealm = 'demo';

export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, flags, fileName } = invocation;
  // Flags only: a demo must not slip into the aggregator that the environment or a config file names.
  const values = resolveSettings(demoSettings, { flags, env: {}, file: {}, fileName });
  const shape = checkedShape(values);
  const plan = planFleet(shape);
  const log = createPersonLog(io);
  const embedded =
    values.server === null
      ? await startEmbedded(io, unpublished(aggregatorSettingsOf(invocation)), log)
      : null;
  const server = values.server ?? embedded!.grpcAddress;
  warnIfExposed(io, '--server', server, values.insecure);
  io.stdout.write(welcome(io, plan, shape, server, embedded));
  try {
    await runFleet(
      plan,
      shape.seed,
      { ...defaultAgentConfig, server, insecure: values.insecure },
      log,
      io.signal,
    );
  } finally {
    await embedded?.close();
  }
  return endOfDaemon(io.signal);
}

/** Nothing of a demo goes where others wait for what is real, nor where it is kept. */
function unpublished(settings: AggregatorSettings): AggregatorSettings {
  return { ...settings, config: { ...settings.config, natsUrls: [], data: null } };
}

function checkedShape({ hosts, services, seed }: FleetShape): FleetShape {
  if (hosts < 1 || hosts > hostsMax) throw usageFailure(`--hosts: expected 1 to ${hostsMax}, found ${hosts}`);
  if (services < 2 || services > servicesMax) {
    throw usageFailure(`--services: expected 2 to ${servicesMax}, found ${services}`);
  }
  return { hosts, services, seed };
}

/** Listeners that the process itself may add to the signal. */
const listenersOfProcess = 10;

/** One agent per host, until the signal ends all of them. */
async function runFleet(
  plan: FleetPlan,
  seed: number,
  config: AgentConfig,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  // Every agent waits for it: above Node's ten listeners that is a fleet, not a leak.
  setMaxListeners(listenersOfProcess + plan.hosts.length, signal);
  const world = new World(plan, seed, Date.now());
  const agents = plan.hosts.map((host) =>
    runAgent(
      {
        ...config,
        hostId: `${host.name}-seed-${seed}`,
        hostName: host.name,
        realm: demoRealm,
        labels: new Map([['demo', 'true']]),
        // What this process uses is not what agents of real hosts would.
        cpuMaxPercent: 0,
      },
      { collector: new SimulatedHost(world, host, Date.now), finders: Finders.none(), log, signal },
    ),
  );
  await Promise.all(agents);
}

function welcome(
  io: CliIo,
  plan: FleetPlan,
  shape: FleetShape,
  server: string,
  embedded: Aggregator | null,
): string {
  const { stranger } = plan;
  const target = `${stranger.server.hosts[0]!.ip}:${stranger.server.port}`;
  const flag = embedded === null ? ` --server ${server}` : serverFlag(embedded, defaultGrpcAddress);
  const suggestions = [
    [`${io.programName} map${flag}`, 'who calls whom'],
    [`${io.programName} to ${target}${flag}`, 'a caller without an agent'],
    [`${io.programName} listeners :9000${flag}`, 'a listener that nobody uses'],
    [`${io.programName} watch nightly${flag}`, 'a new edge, a minute from now'],
  ] as const;
  const width = Math.max(...suggestions.map(([command]) => command.length));
  return [
    `DEMO: ${shape.hosts} simulated hosts, ${shape.services} services, seed ${shape.seed}, into ${server}\n\n`,
    embedded === null ? '' : `${addressLines(embedded)}\n`,
    suggestions.map(([command, shows]) => `  ${command.padEnd(width)}  ${shows}\n`).join(''),
    '  Ctrl-C ends it\n',
  ].join('');
}
