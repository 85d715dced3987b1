/** Requests for certificates, which anybody may send who has a token that lets one join. */
import { parseRequest, RequestError } from '../../wire/x509/certificate-request.ts';
import { DerError, DerReader } from '../../wire/x509/der-reader.ts';
import { derTags } from '../../wire/x509/der-writer.ts';
import { decodePem } from '../../wire/x509/pem.ts';
import type { Target } from '../target.ts';

const request: Target = {
  name: 'certificate-request',
  seeds: () => [
    Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n'),
  ],
  tokens: [...Object.values(derTags), 0xa0]
    .map((tag) => Buffer.from([tag, 0x80]))
    .concat([Buffer.from([0x84, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0x30, 0x82])]),
  run(input) {
    const pem = decodePem('CERTIFICATE REQUEST', input.toString('latin1'));
    const elements = elementsOf(input);
    return [pem.length, elements, parseRequest(input).asymmetricKeyType];
  },
  refusals: [RequestError],
};

/** How many sequences stand one in the other. */
function elementsOf(input: Buffer): number {
  let [content, depth] = [input, 0];
  try {
    for (; ; depth++) content = new DerReader(content).take(derTags.sequence, 'sequence').content;
  } catch (error) {
    if (error instanceof DerError) return depth;
    throw error;
  }
}

export const certificateTargets: readonly Target[] = [request];
