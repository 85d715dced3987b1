/** Settings of the daemons: flags, environment and the `agent` and `aggregator` sections of the file, to their configs. */
import { collectorSources } from '../agent/collect/source.ts';
import type { AgentConfig, SpoolConfig } from '../agent/config.ts';
import { defaultAgentConfig, defaultSpoolBytes, spoolBytesMin } from '../agent/config.ts';
import { natModes } from '../agent/conntrack/nat-mode.ts';
import { eventChoices } from '../agent/events/event-source.ts';
import { type AggregatorConfig, defaultAggregatorConfig } from '../aggregator/config.ts';
import type { AddressName, ServiceRule } from '../aggregator/graph/naming.ts';
import type { DataConfig } from '../aggregator/journal/kept-folder.ts';
import { dataBytesMin, defaultDataBytesMax } from '../aggregator/journal/limits.ts';
import { agentLifeMs } from '../aggregator/security/lives.ts';
import { parseIp, parsePrefix, prefixOf } from '../model/ip.ts';
import type { ConfigFile } from './config-file.ts';
import { usageFailure } from './exit.ts';
import { type Invocation, sourcesOf } from './invocation.ts';
import { agentFolder, aggregatorFolder } from './kept-places.ts';
import { kubeletAccess, kubeletUrlSetting } from './kubelet-settings.ts';
import { checkedNatsUrls } from './nats-urls.ts';
import {
  addressSetting,
  choiceSetting,
  durationSetting,
  flagSetting,
  labelsSetting,
  listSetting,
  percentSetting,
  resolveSettings,
  sizeSetting,
  textSetting,
} from './settings.ts';
import { agentTls, aggregatorSecurity } from './tls-settings.ts';

/** Shortest time between two scans: below it an agent would do nothing else. */
const intervalMsMin = 50;

const agentSettings = {
  server: addressSetting(defaultAgentConfig.server),
  insecure: flagSetting(false),
  hostId: textSetting(null),
  hostName: textSetting(null),
  realm: textSetting(defaultAgentConfig.realm),
  label: labelsSetting(),
  labels: labelsSetting(),
  interval: durationSetting(defaultAgentConfig.intervalMs, intervalMsMin),
  cpuMax: percentSetting(defaultAgentConfig.cpuMaxPercent),
  procfs: textSetting(defaultAgentConfig.procRoot),
  source: choiceSetting(collectorSources, defaultAgentConfig.source),
  events: choiceSetting(eventChoices, defaultAgentConfig.events),
  nat: choiceSetting(natModes, defaultAgentConfig.nat),
  cmdline: choiceSetting(['full', 'redacted', 'none'], defaultAgentConfig.cmdline),
  kubelet: kubeletUrlSetting(),
  kubeletToken: textSetting(null),
  kubeletCa: textSetting(null),
  metrics: addressSetting(null),
  spool: textSetting(null),
  spoolMax: sizeSetting(defaultSpoolBytes, spoolBytesMin),
  ca: textSetting(null),
  caSha256: textSetting(null),
  tokenFile: textSetting(null),
  cert: textSetting(null),
  key: textSetting(null),
} as const;

export function agentConfigOf(invocation: Invocation): AgentConfig {
  const values = resolveSettings(agentSettings, sourcesOf(invocation, invocation.file.agent ?? {}));
  return {
    server: values.server,
    insecure: values.insecure,
    tls: agentTls(values, agentFolder(values.spool, invocation.io.env)),
    hostId: values.hostId,
    hostName: values.hostName,
    realm: values.realm,
    labels: new Map([...values.labels, ...values.label]),
    intervalMs: values.interval,
    cpuMaxPercent: values.cpuMax,
    procRoot: values.procfs,
    source: values.source,
    events: values.events,
    nat: values.nat,
    cmdline: values.cmdline,
    kubelet: kubeletAccess(values.kubelet, values.kubeletToken, values.kubeletCa),
    metrics: values.metrics,
    spool: spoolConfig(values.spool, values.spoolMax, invocation.io.env),
  };
}

/** Under the state folder where nobody says; `none` = in memory. */
function spoolConfig(
  named: string | null,
  maxBytes: number,
  env: Invocation['io']['env'],
): SpoolConfig | null {
  if (named === 'none') return null;
  if (named === '') throw usageFailure('--spool: expected a folder, or none, found ""');
  return { folder: agentFolder(named, env), maxBytes };
}

/** Shorter ones would be over before they are renewed. */
const certificateLifeMsMin = 1000;

const aggregatorSettings = {
  listen: addressSetting(null),
  http: addressSetting(null),
  insecure: flagSetting(false),
  httpName: listSetting(),
  httpNames: listSetting(),
  linger: durationSetting(defaultAggregatorConfig.limits.lingerMs),
  data: textSetting(null),
  dataMax: sizeSetting(defaultDataBytesMax, dataBytesMin),
  nats: listSetting(),
  cert: textSetting(null),
  key: textSetting(null),
  ca: textSetting(null),
  certificateLife: durationSetting(agentLifeMs, certificateLifeMsMin),
} as const;

export interface AggregatorSettings {
  readonly config: AggregatorConfig;
  /** Whether the person chose the address; only a default one may give way to another. */
  readonly isListenChosen: boolean;
  readonly isHttpChosen: boolean;
}

export function aggregatorSettingsOf(invocation: Invocation): AggregatorSettings {
  const section = invocation.file.aggregator ?? {};
  const values = resolveSettings(aggregatorSettings, sourcesOf(invocation, section));
  const data = dataConfig(values.data, values.dataMax, invocation.io.env);
  const config: AggregatorConfig = {
    listen: values.listen ?? defaultAggregatorConfig.listen,
    http: values.http ?? defaultAggregatorConfig.http,
    insecure: values.insecure,
    httpNames: [...values.httpNames, ...values.httpName],
    security: aggregatorSecurity(values, data?.folder ?? null),
    natsUrls: checkedNatsUrls(values.nats, values.insecure),
    services: serviceRules(section),
    names: addressNames(invocation.fileName, section),
    limits: { ...defaultAggregatorConfig.limits, lingerMs: values.linger },
    data,
  };
  return { config, isListenChosen: values.listen !== null, isHttpChosen: values.http !== null };
}

/** Under the state folder where nobody says; `none` = in memory. */
function dataConfig(named: string | null, bytesMax: number, env: Invocation['io']['env']): DataConfig | null {
  if (named === 'none') return null;
  if (named === '') throw usageFailure('--data: expected a folder, or none, found ""');
  return { folder: aggregatorFolder(named, env), isChosen: named !== null, bytesMax };
}

type AggregatorSection = NonNullable<ConfigFile['aggregator']>;

function serviceRules(section: AggregatorSection): ServiceRule[] {
  return (section.services ?? []).map(({ service, match }) => {
    const fields = Object.entries(match).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return { service, match: Object.fromEntries(fields) };
  });
}

function addressNames(fileName: string, section: AggregatorSection): AddressName[] {
  return Object.entries(section.names ?? {}).map(([text, name]) => {
    const ip = parseIp(text);
    const prefix = ip === null ? parsePrefix(text) : prefixOf(ip, ip.includes(':') ? 128 : 32);
    if (prefix === null) {
      throw usageFailure(
        `${fileName}: aggregator.names: expected an address or a cidr, found ${JSON.stringify(text)}`,
      );
    }
    return { prefix, name };
  });
}
