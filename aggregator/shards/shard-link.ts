/** How shards are reached: in this thread, or each in one of its own. */
import { Worker } from 'node:worker_threads';
import { Shard } from './shard.ts';
import type { FromShard, ShardOptions, ToShard } from './shard-messages.ts';

export interface ShardLink {
  /** A batch's buffer is the shard's until it comes back. */
  tell(message: ToShard): void;
  /** Whom answers reach. To be set before anything is told. */
  onAnswer: (answer: FromShard) => void;
  close(): Promise<void>;
}

/** Answers before `tell` returns. */
export function linkInline(options: ShardOptions): ShardLink {
  const shard = new Shard(options);
  const link: ShardLink = {
    tell: (message) => {
      const answer = shard.hear(message);
      if (answer !== null) link.onAnswer(answer);
    },
    onAnswer: () => {},
    close: () => Promise.resolve(),
  };
  return link;
}

/** Beside this module, in whatever form that is. */
const usualProgram = new URL(`./shard-worker${/\.\w+$/.exec(import.meta.url)![0]}`, import.meta.url);

/**
 * @param onFailure told when the thread ends by itself; what it had is lost with it
 * @param program of the thread
 */
export function linkWorker(
  options: ShardOptions,
  onFailure: (error: Error) => void,
  program = usualProgram,
): ShardLink {
  const worker = new Worker(program, { name: 'shard', workerData: options, execArgv: [] });
  const link: ShardLink = {
    tell: (message) => worker.postMessage(message, message.kind === 'batch' ? [message.buffer] : []),
    onAnswer: () => {},
    close: async () => {
      worker.off('error', onFailure);
      await worker.terminate();
    },
  };
  worker.on('message', (answer: FromShard) => link.onAnswer(answer));
  worker.on('error', onFailure);
  return link;
}
