/** Dialing that has to wait for something first: what is written meanwhile, which is Hello, goes out afterwards. */
import type { status } from '@grpc/grpc-js';
import { errorLine } from '../error-line.ts';
import type { Connect, Connection } from '../export/connection.ts';
import { IdentityError } from './identity-error.ts';

/**
 * @param judge is asked about the end of each call before the listener is told: why the next one will be another one, or null where
 * it will not
 */
export function preparedConnect(
  prepare: (endpoint: string) => Promise<Connect>,
  judge: (code: status, details: string) => string | null,
): Connect {
  return (endpoint, listener) => {
    let call: Connection | null = null;
    let isOver = false;
    const waiting: Buffer[] = [];
    const dial = (connect: Connect): void => {
      if (isOver) return;
      call = connect(endpoint, {
        connected: () => listener.connected(),
        said: (saying) => listener.said(saying),
        drained: () => listener.drained(),
        failed: (why, refused) => listener.failed(why, refused),
        ended: (code, details) => {
          const why = judge(code, details);
          if (why === null) listener.ended(code, details);
          else listener.failed(why, false);
        },
      });
      for (const bytes of waiting.splice(0)) call.write(bytes);
    };
    const fail = (error: unknown): void => {
      if (isOver) return;
      isOver = true;
      listener.failed(errorLine(error), error instanceof IdentityError && error.isRefusal);
    };
    prepare(endpoint).then(dial).catch(fail);
    return {
      write: (bytes) => {
        if (call !== null) return call.write(bytes);
        if (!isOver) waiting.push(bytes);
        return false;
      },
      get isBlocked() {
        return call?.isBlocked ?? true;
      },
      finish: () => call?.finish(),
      cancel: () => {
        isOver = true;
        call?.cancel();
      },
    };
  };
}
