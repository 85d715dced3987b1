/**
 * The core as plain objects in Maps: what aggregator/core must do, in as few ideas as possible. Slow, and the judge.
 *
 * A connection is an object, its key a text, an edge the sum of the shares that stand in one list.
 */
import { facts, turned } from '../../../aggregator/core/connection-row.ts';
import { olderMax } from '../../../aggregator/core/connection-rows.ts';
import { direct, type PlainConnection, type PlainSurroundings, type Share } from './plain-direction.ts';

export interface PlainHalf {
  readonly agent: number;
  readonly slot: number;
  readonly local: number;
  readonly remote: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly place: number;
  readonly holder: number;
  readonly opened: number;
  readonly bornAfter: number;
  readonly evidence: number;
}

interface Stub {
  readonly key: string;
  uses: number;
}

export interface PlainLimits {
  readonly graceTicks: number;
  readonly lingerTicks: number;
  readonly lingerMax: number;
  readonly slotsMax: number;
}

interface Standing {
  readonly at: PlainConnection | Stub;
  readonly side: 0 | 1;
}

const slack = 200;
const rounding = 2;

export class PlainCore {
  readonly filed = new Map<string, PlainConnection | Stub>();
  readonly connections = new Set<PlainConnection>();
  readonly shares: { readonly share: Share; readonly bytes: [number, number] }[] = [];
  /** What left, by what it was. */
  readonly left: PlainConnection[] = [];
  readonly #slots = new Map<string, Standing>();
  readonly #around: PlainSurroundings;
  readonly #limits: PlainLimits;
  /** In the order in which they came to be over. */
  #over: { readonly connection: PlainConnection; readonly tick: number }[] = [];

  constructor(around: PlainSurroundings, limits: PlainLimits) {
    this.#around = around;
    this.#limits = limits;
  }

  openBlock(halves: readonly PlainHalf[], tick: number): string[] {
    const opened = halves.map((half) => this.#open(half, tick));
    for (const each of opened) {
      const { connection } = each;
      if (connection === null || !this.connections.has(connection)) continue;
      this.#settle(connection, tick);
      if (each.outcome === 'joined') this.#place(connection);
    }
    return opened.map(({ outcome }) => outcome);
  }

  #open(half: PlainHalf, tick: number): { outcome: string; connection: PlainConnection | null } {
    const slotKey = `${half.agent}/${half.slot}`;
    if (half.slot < 0 || half.slot >= this.#limits.slotsMax || this.#slots.has(slotKey))
      return { outcome: 'badSlot', connection: null };
    const local = [half.local, half.localPort] as const;
    const remote = [half.remote, half.remotePort] as const;
    const isLess = local[0] === remote[0] ? local[1] <= remote[1] : local[0] < remote[0];
    const [a, b] = isLess ? [local, remote] : [remote, local];
    const side = isLess ? 0 : 1;
    const key = `${a.join()}|${b.join()}|${half.place}`;
    const known = this.filed.get(key);
    const isSelf = a[0] === b[0] && a[1] === b[1];
    const relation = known === undefined ? (isSelf ? 'elsewhere' : 'lone') : this.#relate(known, side, half);
    if (relation === 'elsewhere') {
      const stub = this.#stubFor(key, known);
      stub.uses++;
      this.#slots.set(slotKey, { at: stub, side });
      return { outcome: 'elsewhere', connection: null };
    }
    const connection =
      relation === 'joined' ? (known as PlainConnection) : this.#begin(key, a, b, half.place, tick);
    connection.ends[side] = { holder: half.holder, opened: half.opened, isGone: false, isResting: false };
    connection.bornAfter = Math.max(connection.bornAfter, half.bornAfter);
    learnInto(connection, side, half.evidence);
    this.#slots.set(slotKey, { at: connection, side });
    return { outcome: relation, connection };
  }

  #relate(known: PlainConnection | Stub, side: 0 | 1, half: PlainHalf): 'lone' | 'joined' | 'elsewhere' {
    if ('uses' in known) return 'elsewhere';
    const own = known.ends[side];
    const other = known.ends[side === 0 ? 1 : 0];
    if (own === null && other !== null) {
      const birth = Math.max(known.bornAfter, half.bornAfter) - Math.min(other.opened, half.opened);
      const met = !other.isGone || half.opened - known.closed! <= slack - rounding;
      return birth <= slack - rounding && met ? 'joined' : 'elsewhere';
    }
    const isPast = own?.isGone === true && other?.isGone === true;
    return isPast && half.bornAfter - Math.max(other.opened, known.closed!) > slack + rounding
      ? 'lone'
      : 'elsewhere';
  }

  #stubFor(key: string, known: PlainConnection | Stub | undefined): Stub {
    if (known !== undefined && 'uses' in known) return known;
    const stub: Stub = { key, uses: 0 };
    this.filed.set(key, stub);
    if (known === undefined) return stub;
    for (const older of this.#olderThan(known)) {
      this.left.push(older);
      this.connections.delete(older);
      this.#uncount(older);
    }
    this.left.push(known);
    this.connections.delete(known);
    this.#uncount(known);
    for (const [slotKey, { at, side }] of this.#slots) {
      if (at !== known) continue;
      this.#slots.set(slotKey, { at: stub, side });
      stub.uses++;
    }
    return stub;
  }

  /** Those that had its key before and linger, the oldest first. */
  #olderThan(connection: PlainConnection): PlainConnection[] {
    const { key } = connection;
    const all = [...this.connections].filter((each) => each.key === key && !each.isForgotten);
    return all.filter((each) => each !== connection).slice(-olderMax);
  }

  #begin(
    key: string,
    a: readonly [number, number],
    b: readonly [number, number],
    place: number,
    tick: number,
  ): PlainConnection {
    const connection: PlainConnection = {
      key,
      address: [a[0], b[0]],
      port: [a[1], b[1]],
      place,
      ends: [null, null],
      bornAfter: -0x80000000,
      evidence: 0,
      rule: 0,
      clientIsB: false,
      isPlaced: false,
      isOver: false,
      isForgotten: false,
      closed: null,
      reported: tick,
      bytes: [0, 0],
      share: null,
    };
    this.filed.set(key, connection);
    this.connections.add(connection);
    return connection;
  }

  close(agent: number, slot: number, closed: number): string {
    const standing = this.#take(agent, slot);
    if (standing === undefined) return 'badSlot';
    const { at, side } = standing;
    if ('uses' in at) {
      this.#release(at);
      return 'elsewhere';
    }
    const end = at.ends[side]!;
    end.isGone = true;
    const tick = Math.max(closed, end.opened);
    if (!at.isOver) at.closed = Math.max(tick, at.closed ?? tick);
    if (at.isForgotten) this.#freeWhenGone(at);
    else this.#settle(at, tick);
    return 'joined';
  }

  learn(agent: number, slot: number, evidence: number, tick: number): string {
    const standing = this.#slots.get(`${agent}/${slot}`);
    if (standing === undefined) return 'badSlot';
    const { at, side } = standing;
    if ('uses' in at) return 'elsewhere';
    if (at.isForgotten) return 'joined';
    learnInto(at, side, evidence);
    this.#settle(at, tick);
    if (at.isPlaced) this.#place(at);
    return 'joined';
  }

  count(agent: number, slot: number, sent: number, received: number): string {
    const standing = this.#slots.get(`${agent}/${slot}`);
    if (standing === undefined) return 'badSlot';
    const { at, side } = standing;
    if ('uses' in at) return 'elsewhere';
    at.bytes[side] = Math.max(at.bytes[side], sent);
    at.bytes[side === 0 ? 1 : 0] = Math.max(at.bytes[side === 0 ? 1 : 0], received);
    return 'joined';
  }

  withdraw(agent: number): void {
    const slots = [...this.#slots.keys()]
      .filter((key) => key.startsWith(`${agent}/`))
      .map((key) => Number(key.split('/')[1]))
      .sort((x, y) => x - y);
    for (const slot of slots) {
      const { at } = this.#slots.get(`${agent}/${slot}`)!;
      if (!('uses' in at) && !at.isForgotten) this.#leave(at);
      this.close(agent, slot, 0);
    }
  }

  #leave(connection: PlainConnection): void {
    const stub = this.#stubFor(connection.key, connection);
    if (stub.uses === 0) this.filed.delete(stub.key);
  }

  sweep(tick: number): void {
    for (const connection of this.connections) {
      const waits = !connection.isPlaced && !connection.isForgotten;
      if (waits && tick - connection.reported >= this.#limits.graceTicks) this.#leave(connection);
    }
    for (let first = this.#over[0]; first !== undefined; first = this.#over[0]) {
      const isDue = tick - first.tick >= this.#limits.lingerTicks;
      if (!isDue && this.#over.length <= this.#limits.lingerMax) break;
      this.#over.shift();
      const { connection } = first;
      const isStill =
        this.connections.has(connection) && connection.isOver && connection.closed === first.tick;
      if (isStill && !connection.isForgotten) this.#forget(connection);
    }
  }

  #take(agent: number, slot: number): Standing | undefined {
    const standing = this.#slots.get(`${agent}/${slot}`);
    this.#slots.delete(`${agent}/${slot}`);
    return standing;
  }

  #release(stub: Stub): void {
    stub.uses--;
    if (stub.uses === 0) this.filed.delete(stub.key);
  }

  #settle(connection: PlainConnection, tick: number): void {
    const isOpen = connection.ends.some((end) => end !== null && !end.isGone && !end.isResting);
    if (isOpen !== connection.isOver) return;
    connection.isOver = !isOpen;
    const isHalfGone = connection.ends.some((end) => end?.isGone === true);
    if (isOpen) connection.closed = isHalfGone ? connection.closed : null;
    else {
      connection.closed ??= tick;
      this.#over.push({ connection, tick: connection.closed });
    }
    if (connection.share !== null) connection.share.isOpen = isOpen;
  }

  #forget(connection: PlainConnection): void {
    if (this.filed.get(connection.key) === connection) this.filed.delete(connection.key);
    connection.isForgotten = true;
    // What it counted stays in the totals, as closed.
    const at = this.shares.findIndex(({ share }) => share === connection.share);
    if (at >= 0) this.shares[at] = { share: connection.share!, bytes: [...connection.bytes] };
    if (connection.share !== null) connection.share.isOpen = false;
    this.#freeWhenGone(connection);
  }

  #freeWhenGone(connection: PlainConnection): void {
    if (connection.ends.every((end) => end === null || end.isGone)) this.connections.delete(connection);
  }

  #uncount(connection: PlainConnection): void {
    const at = this.shares.findIndex(({ share }) => share === connection.share);
    if (at >= 0) this.shares.splice(at, 1);
    connection.share = null;
  }

  #place(connection: PlainConnection): void {
    this.#uncount(connection);
    direct(connection, this.#around);
    connection.isPlaced = true;
    const server = connection.clientIsB ? 0 : 1;
    const client = connection.clientIsB ? 1 : 0;
    const name = (side: 0 | 1): number => this.#around.nameOf(connection.ends[side]!.holder);
    const port = `${connection.port[server]}/${connection.place & 1}/${connection.place >> 1}`;
    connection.share = {
      key: `${name(client)}>${name(server)}:${port}`,
      clientIsB: connection.clientIsB,
      isOpen: !connection.isOver,
    };
    this.shares.push({ share: connection.share, bytes: connection.bytes });
  }
}

function learnInto(connection: PlainConnection, side: 0 | 1, evidence: number): void {
  connection.ends[side]!.isResting = (evidence & facts.restingA) !== 0;
  const told = side === 0 ? evidence : turned(evidence);
  const dialed = facts.dialedA | facts.dialedB;
  const resting = facts.restingA | facts.restingB;
  const isKnown = (connection.evidence & dialed) !== 0;
  connection.evidence |= told & ~resting & ~(isKnown ? dialed : 0);
}
