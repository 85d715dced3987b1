/** Metrics whose values are read when they are scraped, one function per kind. */
import { Counter, Gauge, type Histogram, type Registry } from 'prom-client';
import { type LatencyCounts, latencyBounds } from './latency-counts.ts';

export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** @param read the total so far */
export function counter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** One counter with a label, read for each of its values. */
export function counterBy<Value extends string>(
  registry: Registry,
  [name, label]: readonly [name: string, label: string],
  help: string,
  read: () => Readonly<Record<Value, number>>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, total] of Object.entries<number>(read())) this.inc({ [label]: value }, total);
    },
  });
}

/** One gauge with a label, read for each of its values. */
export function gaugeBy<Value extends string>(
  registry: Registry,
  [name, label]: readonly [name: string, label: string],
  help: string,
  read: () => Readonly<Record<Value, number>>,
): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      for (const [value, count] of Object.entries<number>(read())) this.set({ [label]: value }, count);
    },
  });
}

/** Texts of the labels of one value, in the order of their names. */
export type Labelled = readonly [texts: readonly string[], value: number];

/** One gauge with several labels. What is not read any more is not shown any more. */
export function gaugeByAll(
  registry: Registry,
  [name, ...labelNames]: readonly [name: string, ...labels: string[]],
  help: string,
  read: () => Iterable<Labelled>,
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const [texts, value] of read()) {
        this.set(Object.fromEntries(labelNames.map((label, i) => [label, texts[i]!])), value);
      }
    },
  });
}

/** Several gauges that are read in one go. @param helps by name */
export function gauges<Name extends string>(
  registry: Registry,
  helps: Readonly<Record<Name, string>>,
  read: () => Readonly<Record<Name, number>>,
): void {
  const names = Object.keys(helps) as Name[];
  const all = new Map<Name, Gauge>();
  for (const name of names) {
    const isFirst = name === names[0];
    const collect = (): void => {
      const values = read();
      for (const [each, shown] of all) shown.set(values[each]);
    };
    all.set(
      name,
      new Gauge({ name, help: helps[name], registers: [registry], ...(isFirst ? { collect } : {}) }),
    );
  }
}

/** A histogram that is counted elsewhere: observe() of the library costs as much as all that is done for a connection. */
export function histogram(registry: Registry, name: string, help: string, counts: LatencyCounts): void {
  const described = { name, help, type: 'histogram', aggregator: 'sum' };
  const kept = { ...described, get: async () => ({ ...described, values: histogramLines(name, counts) }) };
  // All that a registry uses of a metric: its name, and what get() answers.
  registry.registerMetric(kept as unknown as Histogram);
}

function histogramLines(name: string, { cumulative, count, sumSeconds }: LatencyCounts) {
  const buckets = [...latencyBounds, '+Inf'].map((le, i) => ({
    metricName: `${name}_bucket`,
    labels: { le },
    value: cumulative[i] ?? count,
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sumSeconds },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
}
