/** The gRPC Enrol service: requests of the wire to decisions, refusals to status codes. */
import * as grpc from '@grpc/grpc-js';
import type { CertificateFields, JoinFields, RenewFields } from '../../wire/enrol-messages.ts';
import { serviceDefinition } from '../../wire/proto-file.ts';
import { type Enrolment, EnrolmentError, type Issued } from './enrolment.ts';
import type { Identity } from './identity.ts';

/** Whoever decides. */
export type Enrols = Pick<Enrolment, 'join' | 'renew'>;

export interface EnrolServiceOptions {
  /** null = there is no CA here that could sign anything. */
  readonly enrolment: Enrols | null;
  /** Whoever made a call. */
  readonly identityOf: (call: grpc.ServerUnaryCall<unknown, unknown>) => Identity;
  /** Told of every failure that is not the asker's fault. */
  readonly onError: (error: unknown) => void;
}

type Unary<Fields> = grpc.handleUnaryCall<Partial<Fields>, CertificateFields>;

const statusOf = {
  malformed: grpc.status.INVALID_ARGUMENT,
  refused: grpc.status.PERMISSION_DENIED,
} as const;

export function addEnrolService(server: grpc.Server, options: EnrolServiceOptions): void {
  const answer = <Fields>(
    decide: (enrolment: Enrols, call: grpc.ServerUnaryCall<Partial<Fields>, CertificateFields>) => Issued,
  ): Unary<Fields> => {
    return (call, callback) => {
      try {
        const { enrolment } = options;
        if (enrolment === null) callback({ code: grpc.status.FAILED_PRECONDITION, details: noAuthority });
        else callback(null, decide(enrolment, call));
      } catch (error) {
        callback(failureOf(error, options));
      }
    };
  };
  server.addService(serviceDefinition('Enrol'), {
    join: answer<JoinFields>((enrolment, call) => {
      const { token = '', hostId = '', request = Buffer.alloc(0) } = call.request;
      return enrolment.join({ token, hostId, request }, call.getPeer());
    }),
    renew: answer<RenewFields>((enrolment, call) => {
      const { request = Buffer.alloc(0) } = call.request;
      return enrolment.renew(options.identityOf(call), request, call.getPeer());
    }),
  });
}

const noAuthority =
  'this aggregator has no CA, so it makes no certificates: run "whotalks ca init" there, or give the agent --cert and --key';

function failureOf(error: unknown, { onError }: EnrolServiceOptions): Partial<grpc.StatusObject> {
  if (error instanceof EnrolmentError) return { code: statusOf[error.code], details: error.message };
  onError(error);
  return { code: grpc.status.INTERNAL, details: 'the aggregator failed to enrol; its log says why' };
}
