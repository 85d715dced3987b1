/** The YAML file of `--config`: what may stand in it, and where it is wrong. */
import { LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { collectorSources } from '../agent/collect/source.ts';
import { natModes } from '../agent/conntrack/nat-mode.ts';
import { eventChoices } from '../agent/events/event-source.ts';
import { usageFailure } from './exit.ts';
import { graphFormats } from './format/output-format.ts';
import { plainText } from './format/plain-text.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const text = z.string();

const serviceRule = z.strictObject({
  service: text,
  match: z.strictObject({
    host: text.optional(),
    program: text.optional(),
    process: text.optional(),
    exe: text.optional(),
    unit: text.optional(),
    container: text.optional(),
    user: text.optional(),
  }),
});

const configSchema = z.strictObject({
  server: text.optional(),
  realm: text.optional(),
  insecure: z.boolean().optional(),
  ca: text.optional(),
  output: z.enum(graphFormats).optional(),
  limit: z.int().min(0).optional(),
  sort: text.optional(),
  headers: z.boolean().optional(),
  columns: z.array(text).optional(),
  color: z.enum(['auto', 'always', 'never']).optional(),
  tokenFile: text.optional(),
  agent: z
    .strictObject({
      hostId: text.optional(),
      hostName: text.optional(),
      realm: text.optional(),
      interval: text.optional(),
      cpuMax: z.union([z.number(), text]).optional(),
      procfs: text.optional(),
      source: z.enum(collectorSources).optional(),
      events: z.enum(eventChoices).optional(),
      nat: z.enum(natModes).optional(),
      cmdline: z.enum(['full', 'redacted', 'none']).optional(),
      kubelet: text.optional(),
      kubeletToken: text.optional(),
      kubeletCa: text.optional(),
      metrics: text.optional(),
      spool: text.optional(),
      spoolMax: z.union([z.int(), text]).optional(),
      ca: text.optional(),
      caSha256: text.optional(),
      tokenFile: text.optional(),
      cert: text.optional(),
      key: text.optional(),
      labels: z.record(z.string(), scalar).optional(),
    })
    .optional(),
  aggregator: z
    .strictObject({
      listen: text.optional(),
      http: text.optional(),
      httpNames: z.array(text).optional(),
      linger: text.optional(),
      data: text.optional(),
      dataMax: z.union([z.number(), text]).optional(),
      cert: text.optional(),
      key: text.optional(),
      ca: text.optional(),
      certificateLife: text.optional(),
      nats: z.array(text).optional(),
      services: z.array(serviceRule).optional(),
      names: z.record(z.string(), text).optional(),
    })
    .optional(),
});

export type ConfigFile = z.infer<typeof configSchema>;

/** @param fileName for messages. Throws a usage failure that names line, key and what is allowed. */
export function parseConfigFile(fileName: string, source: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const fault = document.errors[0];
  if (fault !== undefined)
    throw usageFailure(
      `${fileName}:${lineAt(fault.pos[0])}: not YAML: ${plainText(firstLine(fault.message))}`,
    );
  const parsed = configSchema.safeParse(valuesOf(fileName, document));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
  const place = [
    `${fileName}:${lineAt(offsetOf(document, path))}`,
    ...(path.length === 0 ? [] : [plainText(path.join('.'))]),
  ];
  throw usageFailure(`${place.join(': ')}: ${explain(issue)}`);
}

/** Throws a usage failure for aliases that lead nowhere, or to very many values. */
function valuesOf(fileName: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw usageFailure(`${fileName}: not YAML: ${plainText(firstLine(error.message))}`);
  }
}

/** What zod calls the kinds of value, in the words of YAML. */
const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a table of keys and values',
  record: 'a table of keys and values',
};

function explain(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown key; allowed here: ${allowedKeys(issue.path).join(', ')}`;
    case 'invalid_type':
      return `expected ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.join(', ')}`;
    case 'too_small':
      return `expected ${issue.minimum} or more`;
    default:
      return plainText(firstLine(issue.message));
  }
}

/** Keys of the object that stands at `path` of the schema. */
function allowedKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = configSchema;
  for (const key of path) {
    schema = unwrapped(schema);
    if (schema instanceof z.ZodObject) schema = schema.shape[key as string];
    else if (schema instanceof z.ZodArray) schema = schema.element;
  }
  schema = unwrapped(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? schema.unwrap() : schema;
}

/** Where the nearest part of `path` that exists stands: a key where it has one. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as Node | undefined;
    if (node?.range !== undefined && node.range !== null) return node.range[0];
  }
  return 0;
}

function firstLine(message: string): string {
  return message.split('\n')[0]!;
}
