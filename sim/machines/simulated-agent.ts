/** A host's agent: run after run of the real one, on the clock, the network and the table of sockets of its host. */
import { type AgentConfig, defaultAgentConfig } from '../../agent/config.ts';
import type { CpuMeter } from '../../agent/cpu-meter.ts';
import type { Connect } from '../../agent/export/connection.ts';
import type { SlotLimits } from '../../agent/export/slot-table.ts';
import { Finders } from '../../agent/finders.ts';
import type { Pipeline } from '../../agent/pipeline.ts';
import { runAgent } from '../../agent/run.ts';
import { createDisk } from '../../disk/disk.ts';
import type { Chance } from '../engine/chance.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { Trace } from '../engine/trace.ts';
import { type Look, type LookFaults, SimulatedCollector } from '../world/simulated-collector.ts';
import type { WorldHost } from '../world/world-host.ts';
import type { MachineClock } from './machine-clock.ts';
import { simulatedLog } from './quiet-log.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedProcess } from './simulated-process.ts';

export interface AgentParts {
  readonly time: SimulatedTime;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly host: WorldHost;
  readonly clock: MachineClock;
  readonly disk: SimulatedDisk;
  readonly spoolBytes: number;
  readonly intervalMs: number;
  readonly slotLimits: Partial<SlotLimits>;
  readonly lookFaults: () => LookFaults;
  /** Dials for a process of that host. */
  readonly connectFrom: (process: SimulatedProcess) => Connect;
  readonly witness: AgentWitness;
}

/** Whoever hears of what an agent does, for checks. */
export interface AgentWitness {
  /** A run has its parts, and is about to begin. */
  made(agent: SimulatedAgent): void;
  died(agent: SimulatedAgent): void;
  /** What its last scan has shown is applied. */
  applied(agent: SimulatedAgent): void;
  looked(agent: SimulatedAgent, look: Look): void;
  failedToLook(agent: SimulatedAgent): void;
  /** The program itself failed. */
  failed(agent: SimulatedAgent, error: unknown): void;
}

/** It uses none, so that its pace does not depend on this machine. */
const noCpu: CpuMeter = { turnBegins: () => undefined, turnEnds: () => undefined, usedMs: 0 };

export class SimulatedAgent {
  readonly host: WorldHost;
  readonly clock: MachineClock;
  readonly disk: SimulatedDisk;
  /** Of the process that runs, or ran last; null until it has its parts. */
  pipeline: Pipeline | null = null;
  /** Which run of it: the first is 1. */
  run = 0;
  readonly #parts: AgentParts;
  #process: SimulatedProcess | null = null;
  #stopping: AbortController | null = null;
  #isWantedAgain = false;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.host = parts.host;
    this.clock = parts.clock;
    this.disk = parts.disk;
  }

  get isRunning(): boolean {
    return this.#process?.isAlive === true;
  }

  get process(): SimulatedProcess | null {
    return this.#process;
  }

  /** One that is about to end is started when it has. */
  start(): void {
    if (!this.host.isUp) return;
    if (this.isRunning) {
      this.#isWantedAgain = this.#stopping!.signal.aborted;
      return;
    }
    this.#isWantedAgain = false;
    const { time, trace, clock, witness } = this.#parts;
    this.run++;
    trace.note(time.nowMs, 'agent starts', this.host.name, this.run);
    const process = new SimulatedProcess(time, clock);
    this.#process = process;
    this.pipeline = null;
    this.#stopping = new AbortController();
    this.#main(process, this.#stopping.signal).then(
      () => this.#over(process),
      (error: unknown) => {
        if (process.isAlive) witness.failed(this, error);
      },
    );
  }

  /** SIGKILL. */
  kill(): void {
    if (!this.isRunning) return;
    const { time, trace } = this.#parts;
    trace.note(time.nowMs, 'agent is killed', this.host.name);
    this.#process!.kill();
    this.#parts.witness.died(this);
  }

  /** SIGTERM: it may say goodbye. */
  terminate(): void {
    if (!this.isRunning) return;
    const { time, trace } = this.#parts;
    trace.note(time.nowMs, 'agent is stopped', this.host.name);
    this.#process!.enter(() => this.#stopping!.abort());
  }

  #over(process: SimulatedProcess): void {
    if (!process.isAlive) return;
    process.kill();
    const { time, trace } = this.#parts;
    trace.note(time.nowMs, 'agent ends', this.host.name);
    this.#parts.witness.died(this);
    if (this.#isWantedAgain) this.start();
  }

  #main(process: SimulatedProcess, signal: AbortSignal): Promise<void> {
    const { time, trace, chance, host, clock, connectFrom, witness } = this.#parts;
    const collector = new SimulatedCollector(host, {
      process,
      chance,
      faults: this.#parts.lookFaults,
      simulatedMs: () => time.nowMs,
      begins: () => witness.applied(this),
      looked: (look) => witness.looked(this, look),
      failed: () => witness.failedToLook(this),
    });
    return runAgent(this.#config(), {
      collector,
      log: simulatedLog(time, trace, `${host.name}/${this.run}`),
      signal,
      connect: connectFrom(process),
      finders: Finders.none(),
      cpu: noCpu,
      slotLimits: this.#parts.slotLimits,
      surroundings: {
        clock,
        timers: process.timers,
        random: () => chance.next(),
        bootId: () => host.bootId,
        kernel: '6.1.0',
        disk: createDisk(this.disk.filesOf(process)),
        takeFolder: () => Promise.resolve({ kind: 'taken', lock: { close: () => undefined } }),
      },
      made: (pipeline) => {
        this.pipeline = pipeline;
        witness.made(this);
      },
    });
  }

  #config(): AgentConfig {
    const { host, intervalMs, spoolBytes } = this.#parts;
    return {
      ...defaultAgentConfig,
      hostId: host.id,
      hostName: host.name,
      intervalMs,
      spool: { folder: '/agent', maxBytes: spoolBytes },
      cpuMaxPercent: 0,
    };
  }
}
