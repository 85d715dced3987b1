/** How busy a simulated fleet is. */

export interface WorldPlan {
  readonly hosts: number;
  readonly services: number;
  /** Mean time between two connections of the whole fleet. */
  readonly everyMs: number;
  /** Of agents' scans: lives are measured by it. */
  readonly intervalMs: number;
  /** Local ports that each host takes in turn. */
  readonly ports: number;
  /** How long a kernel remembers a connection that it closed. */
  readonly timeWaitMs: number;
}
