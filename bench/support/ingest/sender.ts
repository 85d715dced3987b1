/** The agents of one variant in a process of their own: messages that were made ahead, sent as fast as the receiver takes them. */
import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { eventsPerAck, messagesOf, mixNamed, type VariantName, variantOf } from './variants.ts';

/** The word that makes the bench's program run as one. */
export const senderRole = 'ingest-sender';

/** Each on a connection of its own, as agents are. */
const streams = 4;

/** What a parent asks for. */
export interface SendQuestion {
  readonly port: number;
  /** Of all streams together; each sends whole acknowledgements. */
  readonly events: number;
}

/** All was sent and acknowledged. */
export interface Sent {
  readonly bytesPerEvent: number;
}

type Call = grpc.ClientDuplexStream<Buffer, Buffer>;

/** Says that it is ready, and then answers every SendQuestion of its parent with Sent. */
export function runSender(name: VariantName, mixName: string): void {
  const mix = mixNamed(mixName);
  const { events, method } = variantOf(name, mix);
  const messages = messagesOf(name, mix);
  const bytes = messages.reduce((sum, { length }) => sum + length, 0);
  const bytesPerEvent = bytes / messages.length / events;
  let calls: Call[] | null = null;
  const send = async (question: SendQuestion): Promise<void> => {
    calls ??= Array.from({ length: streams }, () => openCall(question.port, method));
    const acks = Math.ceil(question.events / streams / eventsPerAck);
    await Promise.all(calls.map((call) => sendAll(call, messages, (acks * eventsPerAck) / events, acks)));
    const sent: Sent = { bytesPerEvent };
    process.send!(sent);
  };
  process.on('message', (question: SendQuestion) => void send(question));
  process.on('disconnect', () => process.exit());
  process.send!('ready');
}

function openCall(port: number, method: ReturnType<typeof variantOf>['method']): Call {
  const ownConnection = { 'grpc.use_local_subchannel_pool': 1 };
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), ownConnection);
  const { path, requestSerialize, responseDeserialize } = method;
  return client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize as (bytes: Buffer) => Buffer,
    new grpc.Metadata(),
  );
}

async function sendAll(call: Call, messages: readonly Buffer[], count: number, acks: number): Promise<void> {
  const acknowledged = acksOf(call, acks);
  for (let i = 0; i < count; i++) if (!call.write(messages[i % messages.length]!)) await once(call, 'drain');
  await acknowledged;
}

function acksOf(call: Call, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count;
    const take = (): void => {
      if (--left > 0) return;
      call.off('data', take).off('error', reject);
      resolve();
    };
    call.on('data', take).on('error', reject);
  });
}
