/** Which gaps there have to be, and which may be: what nobody watched, and what was dropped. */
import type { HostGap, ReportingHost } from '../../aggregator/correlate/report.ts';
import { hostGapsMax } from '../../aggregator/correlate/report.ts';
import { damageReason } from '../../aggregator/journal/restore.ts';
import type { MachineClock } from '../machines/machine-clock.ts';
import { beginUnixMs } from '../machines/machine-clock.ts';
import type { RunningAggregator } from '../machines/simulated-aggregator.ts';
import type { TrueSocket } from '../world/true-socket.ts';
import type { DeliveryChecks } from './delivery-checks.ts';
import type { HostTruth } from './host-truth.ts';
import { demand } from './invariants.ts';
import { hostIndex } from './view-checks.ts';

export interface GapParts {
  readonly running: RunningAggregator;
  readonly truths: readonly HostTruth[];
  readonly delivery: DeliveryChecks;
  readonly clock: MachineClock;
  /** By how much times of gaps may be wrong: what clocks were set by, and what a look takes. */
  readonly slackMs: number;
  readonly nowMs: number;
  /** The power of the aggregator's machine was lost once. */
  readonly wasTorn: boolean;
  /** The aggregator was killed once. */
  readonly wasKilled: boolean;
}

export class GapTruth {
  readonly #parts: GapParts;
  readonly #hosts: readonly ReportingHost[];

  constructor(parts: GapParts) {
    this.#parts = parts;
    this.#hosts = [...parts.running.view.hosts()];
  }

  /** Whether a gap of its host covers some of the time of a socket that is over. */
  isDeclared({ identity, goneMs }: TrueSocket): boolean {
    const host = this.#hosts.find((each) => hostIndex(each) === identity.host);
    return (host?.gaps ?? []).some((gap) => this.#overlaps(gap, identity.bornMs, goneMs!));
  }

  #overlaps({ fromMs, toMs }: HostGap, beginMs: number, endMs: number): boolean {
    const { clock, slackMs } = this.#parts;
    const zeroMs = beginUnixMs + clock.offsetMs;
    return fromMs - zeroMs - slackMs <= endMs && toMs - zeroMs + slackMs >= beginMs;
  }

  /** I7: each gap has a cause. */
  demandCauses(): void {
    const { truths, nowMs } = this.#parts;
    for (const host of this.#hosts) {
      const { causes } = truths[hostIndex(host)]!;
      for (const gap of host.gaps) {
        // A record that was never durable may lie in it whole, torn, or as zeros: that cannot be told from damage.
        if (this.#parts.wasTorn && gap.reason === damageReason) continue;
        const isCaused = causes.some(({ fromMs, toMs }) => this.#overlaps(gap, fromMs, toMs ?? nowMs));
        demand(isCaused, 'I7', () => `${host.name}: nothing was missed in the gap ${lineOf(gap)}`);
      }
    }
  }

  /** I7: what agents say that they lost stands in gaps. */
  demandCounts(): void {
    const { delivery, wasKilled } = this.#parts;
    for (const host of this.#hosts) {
      if (host.gaps.length >= hostGapsMax) continue;
      const shown = host.gaps.reduce((sum, { lostEvents }) => sum + lostEvents, 0);
      let told = 0;
      for (const lost of delivery.replica(hostIndex(host)).gaps.values()) told += lost;
      // A gap that was told and not durable goes with an aggregator that is killed, and with its agent if that is killed too.
      const isRight = wasKilled ? shown <= told : shown === told;
      demand(isRight, 'I7', () => `${host.name}: gaps tell of ${told} losses, and ${shown} are shown`);
    }
  }
}

function lineOf({ fromMs, toMs, reason, lostEvents }: HostGap): string {
  return `${fromMs - beginUnixMs} to ${toMs - beginUnixMs}: ${reason} (${lostEvents})`;
}
