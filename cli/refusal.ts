/** What a person is told whom an aggregator refuses: why, and what to do. Pure. */
import * as grpc from '@grpc/grpc-js';
import { CliFailure, exitCodes } from './exit.ts';

/** Trailing metadata of a refusal: its reason in one word (aggregator/security/refusal.ts). */
const reasonMetadataKey = 'whotalks-reason';

/** What to do, by the reason. */
const remedies: Readonly<Record<string, string>> = {
  'no-credentials':
    'pass --token-file FILE, or set WHOTALKS_TOKEN_FILE; whoever runs the aggregator makes a token with "whotalks token create --role read"',
  'bad-credentials': 'whoever runs the aggregator makes another with "whotalks token create --role read"',
};

/** Null when the error is no refusal of the aggregator. @param server as typed */
export function refusalOf({ code, details, metadata }: grpc.ServiceError, server: string): CliFailure | null {
  const reason = metadata?.get(reasonMetadataKey)[0]?.toString();
  if (reason === undefined && code !== grpc.status.UNAUTHENTICATED && code !== grpc.status.PERMISSION_DENIED)
    return null;
  const remedy = remedies[reason ?? ''];
  const said = `${server} refuses: ${details.split('\n')[0]!}`;
  return new CliFailure(exitCodes.error, remedy === undefined ? said : `${said}; ${remedy}`);
}
