/**
 * Halves of connections as one agent tells them, in our numbers. Their columns lie one behind the other in one array, so that
 * what reads several of them looks up one (block.ts).
 *
 *     slot         the agent's number for the socket (agent-slots.ts)
 *     local, remote    words of addresses.ts, as the half's own kernel shows them
 *     ports        local << 16 | remote
 *     place        scope << 1 | 1 for UDP
 *     holder       who has the socket (holders.ts)
 *     opened       tick by which it had come into being
 *     bornAfter    latest tick at which a look did not show it
 *     evidence     facts about end a of a half that is end a: restingA, dialedA, dialedB, trackedA, trackedB, established
 *     rows         which row of its message it was
 */
export const halfColumnNames = [
  'slot',
  'local',
  'remote',
  'ports',
  'place',
  'holder',
  'opened',
  'bornAfter',
  'evidence',
  'rows',
] as const;
export const halfColumns = halfColumnNames.length;
export type HalfColumn = (typeof halfColumnNames)[number];

export class Halves {
  /** How many there are; up to whoever fills the columns. */
  count = 0;
  readonly max: number;
  readonly words: Int32Array;
  readonly slot: Int32Array;
  readonly local: Int32Array;
  readonly remote: Int32Array;
  readonly ports: Int32Array;
  readonly place: Int32Array;
  readonly holder: Int32Array;
  readonly opened: Int32Array;
  readonly bornAfter: Int32Array;
  readonly evidence: Int32Array;
  readonly rows: Int32Array;

  /**
   * @param max halves that there is room for
   * @param words halfColumns * max of them
   */
  constructor(max: number, words = new Int32Array(halfColumns * max)) {
    this.max = max;
    this.words = words;
    const column = (name: HalfColumn): Int32Array =>
      this.words.subarray(this.columnAt(name), this.columnAt(name) + max);
    this.slot = column('slot');
    this.local = column('local');
    this.remote = column('remote');
    this.ports = column('ports');
    this.place = column('place');
    this.holder = column('holder');
    this.opened = column('opened');
    this.bornAfter = column('bornAfter');
    this.evidence = column('evidence');
    this.rows = column('rows');
  }

  /** The first word of a column. */
  columnAt(name: HalfColumn): number {
    return halfColumnNames.indexOf(name) * this.max;
  }
}
