/**
 * One call of an agent to the aggregator without gRPC: bytes up, sayings down, each in order, until it breaks. What breaks it
 * may be heard of at one end long before the other.
 *
 *     agent ── up: message, half-close, cancelled ──▶ at most 16 wait there, the rest in the pipe
 *     agent ◀── down: headers, saying, status ──
 */
import { status } from '@grpc/grpc-js';
import type { Connection, ConnectionListener } from '../../agent/export/connection.ts';
import { defaultIngestLimits } from '../../aggregator/ingest/limits.ts';
import type { Carrier, ServedStream } from '../../aggregator/ingest/served-stream.ts';
import { statusOf } from '../../aggregator/ingest/service.ts';
import { ingestService } from '../../wire/ingest-service.ts';
import { decodeServerMessage, encodeServerMessage, type ServerSaying } from '../../wire/server-message.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { SimulatedProcess } from '../machines/simulated-process.ts';
import type { Link } from './link.ts';
import { Pipe } from './pipe.ts';

/** Messages that a server keeps unread, as Node does. */
const unreadMax = 16;

/** Bytes under way at which an agent's transport is full: HTTP/2's window. */
const windowBytes = 64 * 1024;

type Up =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  | { readonly kind: 'half-close' | 'cancelled' };
type Down =
  | { readonly kind: 'headers' }
  | { readonly kind: 'saying'; readonly bytes: Buffer }
  | { readonly kind: 'status'; readonly code: status; readonly details: string };

/** Whoever hears of what passes, for checks. */
export interface CallWitness {
  /** The aggregator is about to take a message. */
  taking(call: SimulatedCall, bytes: Buffer): void;
  /** It says something. */
  said(call: SimulatedCall, saying: ServerSaying): void;
  /** The agent has sent a message, and has heard something. */
  sent(call: SimulatedCall, bytes: Buffer): void;
  heard(call: SimulatedCall, saying: ServerSaying): void;
}

export interface CallParts {
  readonly time: SimulatedTime;
  readonly link: Link;
  readonly agent: SimulatedProcess;
  readonly listener: ConnectionListener;
  readonly witness: CallWitness;
  /** Index of the host that calls. */
  readonly host: number;
  /** Takes the call; null = nobody listens. */
  readonly accept: (call: SimulatedCall) => Accepted | null;
}

/** The far end of a call that was taken. */
export interface Accepted {
  readonly process: SimulatedProcess;
  readonly serve: (carrier: Carrier) => ServedStream;
}

const { responseSerialize, responseDeserialize } = ingestService().Stream;

export class SimulatedCall {
  readonly host: number;
  readonly #parts: CallParts;
  readonly #up: Pipe<Up>;
  readonly #down: Pipe<Down>;
  /** At the server, not read. */
  readonly #unread: Buffer[] = [];
  #served: { readonly stream: ServedStream; readonly process: SimulatedProcess } | null = null;
  #isHalfClosed = false;
  #isOverAtAgent = false;
  #isOverAtServer = false;
  #isBlocked = false;
  /** Messages of the agent. */
  #written = 0;

  constructor(parts: CallParts) {
    const { time, link } = parts;
    this.host = parts.host;
    this.#parts = parts;
    this.#up = new Pipe({ time, link, direction: 'up', take: (item) => this.#takeUp(item) });
    this.#down = new Pipe({ time, link, direction: 'down', take: (item) => this.#takeDown(item) });
    const connect = (): void => {
      const untilMs = link.cutUntilMs('up');
      if (untilMs > time.nowMs) time.at(untilMs + link.delayMs(), connect);
      else this.#reach();
    };
    time.after(link.delayMs(), connect);
  }

  get stream(): ServedStream | null {
    return this.#served?.stream ?? null;
  }

  get isOver(): boolean {
    return this.#isOverAtAgent && this.#isOverAtServer;
  }

  /** Messages that wait at the server. */
  get waiting(): number {
    return this.#unread.length;
  }

  /** What the agent holds of it. */
  get connection(): Connection {
    const isFull = (): boolean => this.#isOverAtAgent || this.#isBlocked;
    return {
      write: (bytes) => this.#write(bytes),
      get isBlocked() {
        return isFull();
      },
      finish: () => {
        if (!this.#isOverAtAgent) this.#up.put({ kind: 'half-close' }, 0);
      },
      cancel: () => this.#cancel(),
    };
  }

  /** The connection under it breaks; what is under way is lost from some message on. Each end hears of it after so long. */
  break(agentAfterMs: number, serverAfterMs: number): void {
    const { time, link } = this.#parts;
    this.#up.cutShort(link.chance.below(this.#up.length + 1));
    this.#down.cutShort(link.chance.below(this.#down.length + 1));
    time.after(agentAfterMs, () => this.#endAtAgent(status.UNAVAILABLE, 'Connection dropped'));
    time.after(serverAfterMs, () => this.#endAtServer());
  }

  #reach(): void {
    if (this.#isOverAtServer) return;
    const { accept, time, link } = this.#parts;
    const accepted = accept(this);
    if (accepted === null) {
      this.#isOverAtServer = true;
      const refuse = (): void => this.#endAtAgent(status.UNAVAILABLE, 'connect ECONNREFUSED');
      time.after(link.delayMs(), refuse);
      return;
    }
    const { process, serve } = accepted;
    this.#served = { process, stream: serve(this.#carrier()) };
    this.#down.put({ kind: 'headers' }, 0);
    this.#up.resume();
  }

  #write(bytes: Buffer): boolean {
    if (this.#isOverAtAgent) return false;
    const { link, witness } = this.#parts;
    witness.sent(this, bytes);
    // Hello goes through, or the stream does not begin.
    const { duplicate, drop } = this.#written++ === 0 ? { duplicate: 0, drop: 0 } : link.traits;
    if (!link.chance.happens(drop)) this.#up.put({ kind: 'message', bytes }, bytes.length);
    if (link.chance.happens(duplicate)) this.#up.put({ kind: 'message', bytes }, bytes.length);
    this.#isBlocked = this.#bytesUp() > windowBytes;
    return !this.#isBlocked;
  }

  #bytesUp(): number {
    return this.#up.bytes + this.#unread.reduce((sum, { length }) => sum + length, 0);
  }

  #unblock(): void {
    if (!this.#isBlocked || this.#bytesUp() > windowBytes) return;
    this.#isBlocked = false;
    const { agent, listener } = this.#parts;
    agent.after(0, () => this.#isOverAtAgent || listener.drained());
  }

  #cancel(): void {
    if (this.#isOverAtAgent) return;
    this.#isOverAtAgent = true;
    this.#down.close();
    const { chance } = this.#parts.link;
    // What the transport has not written yet is dropped.
    this.#up.cutShort(chance.below(this.#up.length + 1));
    this.#up.put({ kind: 'cancelled' }, 0);
  }

  #takeUp(item: Up): boolean {
    const served = this.#served;
    if (served === null) return this.#isOverAtServer;
    if (this.#isOverAtServer) return true;
    if (served.process.isStopped) {
      served.process.after(0, () => this.#up.resume());
      return false;
    }
    if (item.kind === 'message') {
      if (this.#unread.length >= unreadMax) return false;
      this.#unread.push(item.bytes);
      served.process.enter(() => served.stream.arrived());
    } else if (item.kind === 'cancelled') this.#endAtServer();
    else {
      this.#isHalfClosed = true;
      this.#endIfRead();
    }
    return true;
  }

  #takeDown(item: Down): boolean {
    const { agent, listener } = this.#parts;
    agent.enter(() => {
      if (this.#isOverAtAgent) return;
      if (item.kind === 'headers') listener.connected();
      else if (item.kind === 'status') this.#endAtAgent(item.code, item.details);
      else {
        for (const saying of decodeServerMessage(responseDeserialize(item.bytes))) {
          if (this.#isOverAtAgent) return;
          this.#parts.witness.heard(this, saying);
          listener.said(saying);
        }
      }
    });
    return true;
  }

  #endAtAgent(code: status, details: string): void {
    const { agent, listener } = this.#parts;
    agent.enter(() => {
      if (this.#isOverAtAgent) return;
      this.#isOverAtAgent = true;
      this.#down.close();
      listener.ended(code, details);
    });
  }

  #endAtServer(): void {
    if (this.#isOverAtServer) return;
    this.#isOverAtServer = true;
    this.#up.close();
    const served = this.#served;
    served?.process.enter(() => served.stream.ended());
  }

  /** The server has read all that came before the agent's last word, and closes its side. */
  #endIfRead(): void {
    if (!this.#isHalfClosed || this.#unread.length > 0) return;
    this.#endAtServer();
    this.#down.put({ kind: 'status', code: status.OK, details: '' }, 0);
  }

  #carrier(): Carrier {
    const unread = this.#unread;
    return {
      read: () => this.#read(),
      get waiting() {
        return unread.length;
      },
      say: (saying) => this.#say(saying),
      end: (code, reason) => this.#endByServer(statusOf[code], reason),
      fail: (reason) => this.#endByServer(status.INTERNAL, reason),
    };
  }

  #read(): Buffer | null {
    const bytes = this.#unread.shift();
    if (bytes === undefined) return null;
    this.#unblock();
    this.#up.resume();
    this.#parts.witness.taking(this, bytes);
    if (this.#isHalfClosed) this.#parts.time.after(0, () => this.#endIfRead());
    return bytes;
  }

  #say(saying: ServerSaying): void {
    if (this.#isOverAtServer) return;
    this.#parts.witness.said(this, saying);
    if (this.#down.length >= defaultIngestLimits.unreadAnswersMax) {
      return this.#endByServer(status.RESOURCE_EXHAUSTED, 'the agent does not read what it is told');
    }
    this.#down.put({ kind: 'saying', bytes: responseSerialize(encodeServerMessage(saying)) }, 0);
  }

  #endByServer(code: status, details: string): void {
    if (this.#isOverAtServer) return;
    this.#down.put({ kind: 'status', code, details }, 0);
    const served = this.#served;
    served?.process.after(0, () => this.#endAtServer());
  }
}
