/** The program of a thread that has one shard. */
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Shard } from './shard.ts';
import type { ShardOptions, ToShard } from './shard-messages.ts';

function serve(port: MessagePort, options: ShardOptions): void {
  const shard = new Shard(options);
  port.on('message', (message: ToShard) => {
    const answer = shard.hear(message);
    if (answer !== null) port.postMessage(answer, answer.kind === 'batch' ? [answer.buffer] : []);
  });
}

if (!isMainThread && parentPort !== null) serve(parentPort, workerData as ShardOptions);
