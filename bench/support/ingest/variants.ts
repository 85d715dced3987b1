/** The ways to send the same events to a receiver: what a message is, and what the receiver makes of its bytes. */
import { fileURLToPath } from 'node:url';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { AgentMessageDecoder, encodeAgentMessage } from '../../../wire/agent-message.ts';
import { columnsOf, type Mix, mixes, type NaiveEvent, rowsOf } from './event-mix.ts';

/**
 * `one`: one event per message, and `rows`: messages of repeated events, both by proto-loader, which hands out objects; what
 * would be done with them is left out. `columns`: the product's wire, decoded to checked columns. `floor`: the same bytes,
 * untouched.
 */
export const variantNames = ['one', 'rows', 'columns', 'floor'] as const;
export type VariantName = (typeof variantNames)[number];

/** In all variants so many events are acknowledged at a time, which is one message but for `one`. */
export const eventsPerAck = 1000;

/** Messages of each variant that are made ahead and sent in turn. */
const differentMessages = 8;

export interface Variant {
  /** Events of one message. */
  readonly events: number;
  readonly method: IngestMethod;
  /** What the receiver does with what gRPC hands it. @returns the events that were in it */
  receive(message: unknown): number;
}

type IngestMethod = MethodDefinition<Buffer, unknown>;

export function variantOf(name: VariantName, mix: Mix): Variant {
  const events = name === 'one' ? 1 : mix.opens + mix.closes + mix.counts;
  const receive = receiverOf(name);
  return { events, method: methodOf(deserializerOf(name)), receive: (message) => receive(message, events) };
}

/** What a sender sends in turn. */
export function messagesOf(name: VariantName, mix: Mix): Buffer[] {
  const each = <Message>(encode: (number: number) => Message): Message[] =>
    Array.from({ length: differentMessages }, (_, number) => encode(number));
  if (name === 'columns' || name === 'floor')
    return each((number) => encodeAgentMessage(columnsOf(mix, number)));
  if (name === 'rows') {
    const { serialize } = definitionOf('EventBatch');
    return each((seq) => serialize({ seq, events: rowsOf(mix, seq) }));
  }
  const { serialize } = definitionOf('Event');
  return each((number) => rowsOf(mix, number).map(serialize)).flat();
}

function receiverOf(name: VariantName): (message: unknown, events: number) => number {
  const decoder = new AgentMessageDecoder();
  switch (name) {
    case 'one':
      return (message) => ((message as NaiveEvent).kind.length > 0 ? 1 : 0);
    case 'rows':
      return (message) => (message as { events: NaiveEvent[] }).events.length;
    case 'columns':
      return (message) => {
        const { opens, closes, grown } = decoder.decode(message as Buffer);
        return opens.slot.length + closes.slot.length + grown.slot.length;
      };
    case 'floor':
      return (_, events) => events;
  }
}

function deserializerOf(name: VariantName): (bytes: Buffer) => unknown {
  if (name === 'one') return definitionOf('Event').deserialize;
  if (name === 'rows') return definitionOf('EventBatch').deserialize;
  return (bytes) => bytes;
}

function methodOf(requestDeserialize: (bytes: Buffer) => unknown): IngestMethod {
  const untouched = (bytes: Buffer): Buffer => bytes;
  return {
    path: '/whotalks.bench.Ingest/Stream',
    requestStream: true,
    responseStream: true,
    requestSerialize: untouched,
    requestDeserialize: requestDeserialize as (bytes: Buffer) => Buffer,
    responseSerialize: untouched as (value: unknown) => Buffer,
    responseDeserialize: untouched,
  };
}

/** With the options of wire/proto-file.ts. */
function definitionOf(message: 'Event' | 'EventBatch'): MessageTypeDefinition<object, object> {
  const path = fileURLToPath(new URL('../../programs/naive-events.proto', import.meta.url));
  const options = { keepCase: false, longs: Number, enums: String, defaults: false, arrays: true };
  return loadSync(path, options)[`whotalks.bench.${message}`] as MessageTypeDefinition<object, object>;
}

/** Throws for a name that is no mix. */
export function mixNamed(name: string): Mix {
  const mix = mixes[name as keyof typeof mixes] as Mix | undefined;
  if (mix === undefined) throw new Error(`no mix ${name}: there are ${Object.keys(mixes).join(', ')}`);
  return mix;
}
