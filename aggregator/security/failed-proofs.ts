/**
 * How many tokens that are not good came from each address of late. Who shows too many is not listened to
 * for the rest of the minute, so that nobody tries secrets one after the other or has them looked up for nothing.
 */
import { isIpv6, parseIp, prefixOf } from '../../model/ip.ts';

/** Of one address in a minute. */
export const failuresMax = 30;

/** Addresses that are counted at a time; when there are more, the one whose minute began first is forgotten. */
export const addressesMax = 4096;

export const windowMs = 60_000;

interface Minute {
  readonly beganMs: number;
  failures: number;
}

export class FailedProofs {
  /** By network; the one whose minute began first stands first. */
  readonly #minutes = new Map<string, Minute>();
  /** Addresses forgotten before their minute was over. */
  forgotten = 0;

  /** How long the address is not listened to yet, in ms; 0 = it is. @param nowMs of any clock that never steps */
  blockedMs(address: string, nowMs: number): number {
    const minute = this.#minutes.get(networkOf(address));
    if (minute === undefined || minute.failures < failuresMax) return 0;
    return Math.max(0, minute.beganMs + windowMs - nowMs);
  }

  count(address: string, nowMs: number): void {
    const network = networkOf(address);
    const minute = this.#minutes.get(network);
    if (minute !== undefined && nowMs < minute.beganMs + windowMs) {
      minute.failures += 1;
      return;
    }
    this.#minutes.delete(network);
    this.#makeRoom(nowMs);
    this.#minutes.set(network, { beganMs: nowMs, failures: 1 });
  }

  #makeRoom(nowMs: number): void {
    for (const [network, { beganMs }] of this.#minutes) {
      const isOver = nowMs >= beganMs + windowMs;
      if (!isOver && this.#minutes.size < addressesMax) return;
      if (!isOver) this.forgotten += 1;
      this.#minutes.delete(network);
    }
  }
}

/** An IPv4 address, or the /64 of an IPv6 one, any address of which one machine may take. */
function networkOf(address: string): string {
  const ip = parseIp(address);
  if (ip === null) return address;
  return isIpv6(ip) ? prefixOf(ip, 64).ip : ip;
}
