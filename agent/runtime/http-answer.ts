/** The whole answer to a request that is about to be sent: status 200 and a bounded body, or an error. */
import type { ClientRequest } from 'node:http';

/** Somebody answered, and not with 200. */
export class AnswerStatusError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`answered with status ${status}`);
    this.status = status;
  }
}

/** Sends `asked`. Rejects with Node's error, with AnswerStatusError, or when the body is longer than `bytesMax`. */
export function readAnswer(asked: ClientRequest, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (response) => {
      if (response.statusCode !== 200) {
        asked.destroy(new AnswerStatusError(response.statusCode ?? 0));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > bytesMax) asked.destroy(new Error('answered with more than is read'));
      });
      response.once('end', () => resolve(Buffer.concat(chunks)));
      response.once('error', reject);
    });
    asked.end();
  });
}
