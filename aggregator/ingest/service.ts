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

/** Serves one call. @param serve begins a stream that it carries; the stream is over when the call is */
export function serveCall(
  call: Call,
  limits: IngestLimits,
  admission: StreamAdmission,
  serve: (carrier: Carrier) => ServedStream,
): void {
  decodeByFrames(call, maxMessageBytes);
  const stream = serve(carrierOf(call, limits, admission));
  const over = (): void => stream.ended();
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
): Carrier {
  const speaksFor = hostOf(call);
  const subject = speaksFor === null ? null : `host ${speaksFor}`;
  return {
    speaksFor,
    read: () => call.read() as Buffer | null,
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

function endCall(call: Call, code: grpc.status, details: string): void {
  if (call.cancelled || call.writableEnded) return;
  call.emit('error', { code, details });
}
