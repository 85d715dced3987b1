/**
 * The gate at the door of gRPC: an interceptor of all methods. Who is refused gets a status before a byte of the request is
 * looked at; a stream that a token opened ends with the token. A method that no server has answers UNIMPLEMENTED by itself.
 */
import * as grpc from '@grpc/grpc-js';
import type { Admitted, Approach, Gate } from '../security/gate.ts';
import type { Identifier, Identity } from '../security/identity.ts';
import type { Refusal, RefusalReason } from '../security/refusal.ts';
import { type Sight, seesNoCmdlines } from '../security/sight.ts';

/** Trailing metadata of a refusal: its reason, as one word. */
export const reasonMetadataKey = 'whotalks-reason';

const statusOf: Readonly<Partial<Record<RefusalReason, grpc.status>>> = {
  'no-credentials': grpc.status.UNAUTHENTICATED,
  'bad-credentials': grpc.status.UNAUTHENTICATED,
  unreadable: grpc.status.UNAVAILABLE,
  'too-many-failures': grpc.status.RESOURCE_EXHAUSTED,
  'too-many': grpc.status.RESOURCE_EXHAUSTED,
};

/** The status that tells a refusal. */
export function refusalStatus({ reason, message }: Refusal): grpc.StatusObject {
  const metadata = new grpc.Metadata();
  metadata.set(reasonMetadataKey, reason);
  return { code: statusOf[reason] ?? grpc.status.PERMISSION_DENIED, details: message, metadata };
}

export class GrpcGuard {
  readonly #gate: Gate;
  readonly #identifier: Identifier;
  /** By the metadata of the call, which is the one object that an interceptor and a method both have. */
  readonly #admitted = new WeakMap<grpc.Metadata, Admitted>();

  constructor(gate: Gate, identifier: Identifier) {
    this.#gate = gate;
    this.#identifier = identifier;
  }

  /** For the options of a grpc.Server. */
  readonly interceptor: grpc.ServerInterceptor = (method, call) => {
    let release = (): void => undefined;
    return new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (isCompressed(call)) return call.sendStatus(compressionRefused);
            const end = (refusal: Refusal): void => call.sendStatus(refusalStatus(refusal));
            const approach = this.#approachOf(method.path, metadata, call);
            const admission = this.#gate.admit(approach);
            if (admission.kind === 'refused') return end(admission.refusal);
            if (method.responseStream) {
              const hold = this.#gate.hold(approach, admission, end);
              if (hold.kind === 'refused') return end(hold.refusal);
              release = hold.release;
            }
            this.#admitted.set(metadata, admission);
            pass(metadata);
          },
          onCancel: () => release(),
        }),
      // What looks at tokens itself says so by its status.
      sendStatus: (status, pass) => {
        if (status.code === grpc.status.PERMISSION_DENIED) {
          this.#gate.countFailure({ action: method.path, address: addressOf(call) });
        }
        pass(status);
      },
    });
  };

  /** Who made a call that was let in. @param metadata of the call */
  identityOf(metadata: grpc.Metadata): Identity {
    return this.#admitted.get(metadata)?.identity ?? { kind: 'anonymous', refused: null };
  }

  /** What the answer to a call may show. */
  sightOf(metadata: grpc.Metadata): Sight {
    return this.#admitted.get(metadata)?.sight ?? seesNoCmdlines;
  }

  #approachOf(action: string, metadata: grpc.Metadata, call: grpc.ServerInterceptingCallInterface): Approach {
    return {
      action,
      peer: call.getPeer(),
      address: addressOf(call),
      identify: () =>
        this.#identifier.ofGrpc({
          metadata,
          getAuthContext: () => call.getAuthContext(),
          getPeer: () => call.getPeer(),
        }),
    };
  }
}

function addressOf(call: grpc.ServerInterceptingCallInterface): string {
  return call.getConnectionInfo().remoteAddress ?? 'unknown';
}

const compressionRefused: Pick<grpc.StatusObject, 'code' | 'details'> = {
  code: grpc.status.UNIMPLEMENTED,
  details: 'compressed messages are not taken: send them as they are',
};

/**
 * Whether a call says that its messages are compressed. What is small here may be large there, a thousand times, so they are
 * refused before one is inflated. grpc-js takes the header out of the metadata and keeps it to itself; where another version
 * has it elsewhere, each message is inflated up to the largest that may be sent.
 */
function isCompressed(call: object): boolean {
  const encoding: unknown = Reflect.get(call, 'incomingEncoding');
  return typeof encoding === 'string' && encoding !== 'identity';
}
