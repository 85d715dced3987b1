/** PEM (RFC 7468): DER as text between two lines, which is how keys and certificates stand in files. */

export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PRIVATE KEY';

export function encodePem(label: PemLabel, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** All blocks of `label` in `text`, in order; text around them is passed over. */
export function decodePem(label: PemLabel, text: string): Buffer[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g');
  return [...text.matchAll(block)].map((match) => Buffer.from(match[1]!, 'base64'));
}
