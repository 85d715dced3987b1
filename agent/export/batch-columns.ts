/** The rows of the message that is being built: columns of numbers that grow row by row. */
import { rowBytes } from './message-size.ts';

const openNames = [
  'slot',
  'localAddress',
  'remoteAddress',
  'ports',
  'meta',
  'netns',
  'inode',
  'uid',
  'process',
  'fd',
  'ageMs',
  'unseenMs',
  'id',
] as const;

/** One row of the OPEN section; see OpenColumns of the wire for each column. */
export type OpenRow = Readonly<Record<(typeof openNames)[number], number>>;

export class BatchColumns {
  readonly opens = Object.fromEntries(openNames.map((name) => [name, [] as number[]])) as Record<
    keyof OpenRow,
    number[]
  >;
  readonly closes = { slot: [] as number[], ageMs: [] as number[] };
  readonly updates = { slot: [] as number[], state: [] as number[], inode: [] as number[] };
  readonly reownedSlots: number[] = [];
  readonly owners = { slot: [] as number[], process: [] as number[], fd: [] as number[] };

  /** Bytes of all rows on the wire. */
  get bytes(): number {
    return (
      this.opens.slot.length * rowBytes.open +
      this.closes.slot.length * rowBytes.close +
      this.updates.slot.length * rowBytes.update +
      this.reownedSlots.length * rowBytes.reowned +
      this.owners.slot.length * rowBytes.owner
    );
  }

  open(row: OpenRow): void {
    for (const name of openNames) this.opens[name].push(row[name]);
  }

  close(slot: number, ageMs: number): void {
    this.closes.slot.push(slot);
    this.closes.ageMs.push(ageMs);
  }

  update(slot: number, state: number, inode: number): void {
    this.updates.slot.push(slot);
    this.updates.state.push(state);
    this.updates.inode.push(inode);
  }

  owner(slot: number, process: number, fd: number): void {
    this.owners.slot.push(slot);
    this.owners.process.push(process);
    this.owners.fd.push(fd);
  }
}
