/**
 * The gRPC side of ingest: one call per agent, its bytes to a session when it is the call's turn, and the session's words back.
 *
 * A call is read message by message, and only in its turn. What is not read yet it keeps: up to 16 messages, Node's bound for
 * a stream of objects, and those that lie in the same frame of HTTP/2 as the last of them; the frames after it wait in the
 * window (64 KiB), and all others at the agent.
 */
import * as grpc from '@grpc/grpc-js';
import { maxMessageBytes } from '../../wire/protocol.ts';
import { encodeServerMessage, type ServerMessageFields } from '../../wire/server-message.ts';
import { decodeByFrames } from './message-frames.ts';
import { type EndCode, IngestSession, type Peer, type SessionContext } from './session.ts';
import type { Lane, Turns } from './turns.ts';

type Call = grpc.ServerDuplexStream<Buffer, ServerMessageFields>;

const statusOf: Readonly<Record<EndCode, grpc.status>> = {
  'bad-stream': grpc.status.INVALID_ARGUMENT,
  'wrong-version': grpc.status.FAILED_PRECONDITION,
  duplicate: grpc.status.ALREADY_EXISTS,
  full: grpc.status.RESOURCE_EXHAUSTED,
  superseded: grpc.status.ABORTED,
  'no-hello': grpc.status.INVALID_ARGUMENT,
  stopping: grpc.status.UNAVAILABLE,
};

/** Serves one call. @returns its session; it is over when the call is. */
export function serveStream(
  call: Call,
  context: SessionContext,
  turns: Turns,
  onEnd: () => void,
): IngestSession {
  decodeByFrames(call, maxMessageBytes);
  const session = new IngestSession(peerOf(call, context), context);
  const lane = laneOf(call, session, context);
  const helloDeadline = setTimeout(
    () => session.state.kind === 'awaiting-hello' && session.end('no-hello', 'no Hello came in time'),
    context.limits.helloTimeoutMs,
  );
  const over = (): void => {
    clearTimeout(helloDeadline);
    session.close();
    turns.leave(lane);
    onEnd();
  };
  call.on('readable', () => turns.join(lane));
  call.on('end', () => {
    over();
    call.end();
  });
  call.on('cancelled', over);
  call.on('error', over);
  call.on('close', over);
  call.sendMetadata(new grpc.Metadata());
  return session;
}

/** Of a session that is over, what came before its end and was not taken is passed over. */
function laneOf(call: Call, session: IngestSession, context: SessionContext): Lane {
  return {
    takeNext: () => {
      const bytes = call.read() as Buffer | null;
      if (bytes !== null) receive(session, bytes, call, context);
      return call.readableLength > 0;
    },
    get waiting() {
      return call.readableLength;
    },
  };
}

/** A fault of this program ends the one stream on which it showed: the agent comes back with a snapshot. */
function receive(session: IngestSession, bytes: Buffer, call: Call, context: SessionContext): void {
  try {
    session.receive(bytes);
  } catch (error) {
    context.counters.faults++;
    context.log.error({ err: error }, 'ingest failed on a message');
    session.close();
    endCall(call, grpc.status.INTERNAL, 'the aggregator failed on a message; its log says why');
  }
}

/** An agent that does not read its answers must not make them pile up here. */
function peerOf(call: Call, context: SessionContext): Peer {
  return {
    say: (saying) => {
      if (call.cancelled || call.writableEnded) return;
      if (call.writableLength < context.limits.unreadAnswersMax) call.write(encodeServerMessage(saying));
      else endCall(call, grpc.status.RESOURCE_EXHAUSTED, 'the agent does not read what it is told');
    },
    end: (code, reason) => endCall(call, statusOf[code], reason),
  };
}

function endCall(call: Call, code: grpc.status, details: string): void {
  if (call.cancelled || call.writableEnded) return;
  call.emit('error', { code, details });
}
