/** Runs the layout worker for one request. */
import type { ForceReply, ForceRequest } from './force-request.ts';

/** Runs the worker once. Rejects when it cannot start or is told to stop. */
export function arrange(request: ForceRequest, signal: AbortSignal): Promise<ForceReply> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./force-worker.ts', import.meta.url), { type: 'module' });
    const end = (): void => worker.terminate();
    signal.addEventListener('abort', () => {
      end();
      reject(signal.reason);
    });
    worker.addEventListener('message', (event: MessageEvent<ForceReply>) => {
      end();
      resolve(event.data);
    });
    worker.addEventListener('error', (event) => {
      end();
      reject(new Error(`the layout worker failed: ${event.message}`));
    });
    worker.postMessage(request);
  });
}
