/** One call of the Enrol service: a request for a certificate, and the certificate. */
import * as grpc from '@grpc/grpc-js';
import type { CertificateFields, JoinFields, RenewFields } from '../../wire/enrol-messages.ts';
import { serviceDefinition } from '../../wire/proto-file.ts';
import type { ClientChannel } from '../../wire/tls-client.ts';
import { judgeEnd } from '../export/judge-end.ts';
import { IdentityError } from './identity-error.ts';

/** How long the aggregator may take. Less than a stream waits for its Welcome, so that the reason is known by then. */
const answerTimeoutMs = 8_000;

/** Largest answer: a chain of a few certificates. */
const answerBytesMax = 64 * 1024;

export type EnrolRequest =
  | { readonly method: 'Join'; readonly fields: JoinFields }
  | { readonly method: 'Renew'; readonly fields: RenewFields };

/** Rejects with IdentityError. */
export async function callEnrol(
  endpoint: string,
  { credentials, options }: ClientChannel,
  { method, fields }: EnrolRequest,
): Promise<CertificateFields> {
  const definition = serviceDefinition('Enrol')[method];
  if (definition === undefined) throw new Error(`proto: Enrol has no method ${method}`);
  const client = new grpc.Client(endpoint, credentials, {
    ...options,
    'grpc.max_receive_message_length': answerBytesMax,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
  });
  try {
    const answer = await new Promise<Partial<CertificateFields>>((resolve, reject) => {
      client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        fields,
        { deadline: Date.now() + answerTimeoutMs },
        (error, message) => (error === null ? resolve(message ?? {}) : reject(failureOf(error, endpoint))),
      );
    });
    return { chain: answer.chain ?? [], lifeMs: answer.lifeMs ?? 0 };
  } finally {
    client.close();
  }
}

function failureOf(error: grpc.ServiceError, endpoint: string): IdentityError {
  if (error.code === grpc.status.UNIMPLEMENTED) {
    return new IdentityError(
      `${endpoint} enrols nobody: it is another version, or no whotalks aggregator`,
      true,
    );
  }
  const { why, refused } = judgeEnd(error.code, error.details, endpoint);
  return new IdentityError(why, refused);
}
