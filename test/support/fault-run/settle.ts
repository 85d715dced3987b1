/** The check, once faults are over: the answers are held against the ledger until they agree, for half a minute at most. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GapDocument } from '../../../model/document.ts';
import type { FaultRig } from './rig.ts';
import { behindMs, isClean, judgeAnswer, type Verdict } from './verdict.ts';

export interface Settled extends Verdict {
  /** All that are declared, of all hosts. */
  readonly gaps: readonly GapDocument[];
}

/** What is wrong after so long is wrong. */
const settleMs = 30_000;

/** From one answer to the next question; it is long. */
const lookEveryMs = 500;

/** Opens no new connections meanwhile. @param livedMsMin as Question has it */
export async function settle(rig: FaultRig, livedMsMin: number): Promise<Settled> {
  rig.rest();
  // By then the last ones that were opened are judged too.
  await sleep(behindMs + 1);
  const deadlineMs = performance.now() + settleMs;
  for (;;) {
    const settled = await look(rig, livedMsMin);
    const isLate = performance.now() > deadlineMs;
    if (settled !== null && (isLate || isClean(settled))) return settled;
    if (performance.now() > deadlineMs + settleMs) throw new Error(notAnswering(rig));
    await sleep(lookEveryMs);
  }
}

/** null = there is no answer, or not all hosts are live in it. */
async function look(rig: FaultRig, livedMsMin: number): Promise<Settled | null> {
  const askedAtMs = Date.now();
  const hosts = await rig.hostsAnswer();
  const answer = await rig.connections();
  if (hosts === null || answer === null) return null;
  if (hosts.hosts.filter(({ state }) => state === 'live').length < rig.hosts.length) return null;
  const gaps = hosts.hosts.flatMap((host) => host.gaps);
  const { ledger, isOwn } = rig;
  return { ...judgeAnswer({ ledger, answer, gaps, askedAtMs, livedMsMin, isOwn }), gaps };
}

function notAnswering(rig: FaultRig): string {
  const words = [...rig.agents].map(([host, agent]) => `${host}: ${agent.words}`);
  return `not all hosts are live a minute after the last fault\naggregator: ${rig.aggregator.words}\n${words.join('\n')}`;
}
