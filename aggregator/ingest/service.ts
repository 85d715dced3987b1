/**
 * The gRPC side of ingest: a call as what carries a stream (served-stream.ts).
 *
 * What is not read yet a call keeps: up to 16 messages, Node's bound for a stream of objects, and those that lie in the same
 * frame of HTTP/2 as the last of them; the frames after it wait in the window (64 KiB), and all others at the agent.
 */
import * as grpc from '@grpc/grpc-js';
import { maxMessageBytes } from '../../wire/protocol.ts';
import { encodeServerMessage, type ServerMessageFields } from '../../wire/server-message.ts';
import type { Audit } from '../security/audit.ts';
import type { IngestLimits } from './limits.ts';
import { decodeByFrames } from './message-frames.ts';
import type { EndCode } from './peer.ts';
import type { Carrier, ServedStream } from './served-stream.ts';
import type { Waiting, WaitingBudget } from './waiting-budget.ts';

type Call = grpc.ServerDuplexStream<Buffer, ServerMessageFields>;

/** How a call ends that the aggregator ends. */
export const statusOf: Readonly<Record<EndCode, grpc.status>> = {
  'bad-stream': grpc.status.INVALID_ARGUMENT,
  'wrong-version': grpc.status.FAILED_PRECONDITION,
  duplicate: grpc.status.ALREADY_EXISTS,
  full: grpc.status.RESOURCE_EXHAUSTED,
  superseded: grpc.status.ABORTED,
  'no-hello': grpc.status.INVALID_ARGUMENT,
  'wrong-host': grpc.status.PERMISSION_DENIED,
  'shut-out': grpc.status.PERMISSION_DENIED,
  stopping: grpc.status.UNAVAILABLE,
};

/** Ends that are no refusal of the agent. */
const usualEnds: readonly EndCode[] = ['superseded', 'stopping'];

/** What is known of agents by their certificates. */
export interface StreamAdmission {
  /** The one host that a call may be about; null = any. */
  readonly speaksFor: (call: Pick<Call, 'metadata'>) => string | null;
  /** Why the agent of a host may not go on; null = it may. */
  readonly faultOfAgent: (hostId: string) => string | null;
  readonly audit: Audit;
}

/** Where anybody may report as any host. */
export const openAdmission: StreamAdmission = {
  speaksFor: () => null,
  faultOfAgent: () => null,
  audit: () => undefined,
};

/** What all calls share. */
export interface CallContext {
  readonly limits: IngestLimits;
  readonly budget: WaitingBudget;
  readonly admission: StreamAdmission;
}

/** Serves one call. @param serve begins a stream that it carries; the stream is over when the call is */
export function serveCall(
  call: Call,
  { limits, budget, admission }: CallContext,
  serve: (carrier: Carrier) => ServedStream,
): void {
  const waiting = budget.begin(() => endOverBudget(call, admission));
  const isCounted = decodeByFrames(call, maxMessageBytes, (bytes) => waiting.came(bytes));
  const stream = serve(carrierOf(call, limits, admission, isCounted ? waiting : null));
  const over = (): void => {
    waiting.over();
    stream.ended();
  };
  call.on('readable', () => stream.arrived());
  call.on('end', () => {
    over();
    call.end();
  });
  call.on('cancelled', over);
  call.on('error', over);
  call.on('close', over);
  call.sendMetadata(new grpc.Metadata());
}

/** An agent that does not read its answers must not make them pile up here. */
function carrierOf(
  call: Call,
  { unreadAnswersMax }: IngestLimits,
  { speaksFor: hostOf, audit }: StreamAdmission,
  waiting: Waiting | null,
): Carrier {
  const speaksFor = hostOf(call);
  const subject = subjectOf(speaksFor);
  return {
    speaksFor,
    read: () => {
      const message = call.read() as Buffer | null;
      if (message !== null) waiting?.taken(message.length);
      return message;
    },
    get waiting() {
      return call.readableLength;
    },
    say: (saying) => {
      if (call.cancelled || call.writableEnded) return;
      if (call.writableLength < unreadAnswersMax) call.write(encodeServerMessage(saying));
      else endCall(call, grpc.status.RESOURCE_EXHAUSTED, 'the agent does not read what it is told');
    },
    end: (code, reason) => {
      if (!usualEnds.includes(code))
        audit({ kind: 'refused', reason: 'stream', subject, peer: call.getPeer(), detail: reason });
      endCall(call, statusOf[code], reason);
    },
    fail: (reason) => endCall(call, grpc.status.INTERNAL, reason),
  };
}

function endOverBudget(call: Call, { speaksFor, audit }: StreamAdmission): void {
  const detail = 'too much waits to be taken in, most of it of this stream: it was ended';
  audit({ kind: 'quota-exceeded', subject: subjectOf(speaksFor(call)), peer: call.getPeer(), detail });
  endCall(call, grpc.status.RESOURCE_EXHAUSTED, detail);
}

function subjectOf(hostId: string | null): string | null {
  return hostId === null ? null : `host ${hostId}`;
}

function endCall(call: Call, code: grpc.status, details: string): void {
  if (call.cancelled || call.writableEnded) return;
  call.emit('error', { code, details });
}
