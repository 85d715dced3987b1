/** A gRPC server in a process of its own that takes in the streams of one variant, and tells what that cost it. */
import * as grpc from '@grpc/grpc-js';
import { maxMessageBytes } from '../../../wire/protocol.ts';
import { eventsPerAck, mixNamed, type VariantName, variantOf } from './variants.ts';

/** The word that makes the bench's program run as one. */
export const receiverRole = 'ingest-receiver';

/** Since the last question. */
export interface Received {
  readonly events: number;
  /** User and system, of the whole process. */
  readonly cpuMs: number;
}

/** Tells its parent its port, and then answers every message of it with what it Received. */
export async function runReceiver(name: VariantName, mixName: string): Promise<void> {
  const variant = variantOf(name, mixNamed(mixName));
  let events = 0;
  const server = new grpc.Server({ 'grpc.max_receive_message_length': maxMessageBytes });
  server.addService({ Stream: variant.method }, { Stream: receive });
  let before = process.cpuUsage();
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before);
    const received: Received = { events, cpuMs: (user + system) / 1000 };
    events = 0;
    before = process.cpuUsage();
    process.send!(received);
  });
  process.on('disconnect', () => process.exit());
  process.send!(await bound(server));

  function receive(call: grpc.ServerDuplexStream<unknown, Buffer>): void {
    let unacknowledged = 0;
    call.on('data', (message: unknown) => {
      const count = variant.receive(message);
      events += count;
      unacknowledged += count;
      if (unacknowledged < eventsPerAck) return;
      unacknowledged -= eventsPerAck;
      call.write(ack);
    });
    call.on('end', () => call.end());
  }
}

const ack = Buffer.from([8, 1]);

/** @returns its port on loopback */
function bound(server: grpc.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}
