/** The proto file as the codec reads it: from its text, and from what the build makes of it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parsedTable, serviceDefinition } from '../../wire/proto-file.ts';
import { tableOf } from '../../wire/proto-table.ts';

test('the build puts down the table of the proto file beside its copy of it', () => {
  const built = new URL('../../dist/proto/', import.meta.url);
  expect(JSON.parse(readFileSync(new URL('whotalks.json', built), 'utf8'))).toEqual(parsedTable());
  expect(readFileSync(new URL('whotalks.proto', built), 'utf8')).toBe(
    readFileSync(new URL('../../proto/whotalks.proto', import.meta.url), 'utf8'),
  );
});

test('fields stand as the file has them', () => {
  const { messages } = parsedTable();
  const common = { repeated: false, optional: false, message: null };
  expect(messages['Peer']!.slice(3, 6)).toEqual([
    { ...common, name: 'user', number: 4, type: 'string', optional: true },
    { ...common, name: 'ip', number: 5, type: 'string' },
    { ...common, name: 'port', number: 6, type: 'uint32' },
  ]);
  expect(messages['Hello']!.find(({ name }) => name === 'labels')).toEqual({
    ...common,
    name: 'labels',
    number: 6,
    type: 'map',
  });
  expect(messages['AgentMessage']!.find(({ name }) => name === 'gaps')).toEqual({
    ...common,
    name: 'gaps',
    number: 6,
    type: 'message',
    repeated: true,
    message: 'Gap',
  });
});

test('methods have the paths and names of gRPC', () => {
  expect(serviceDefinition('Query')['Watch']).toMatchObject({
    path: '/whotalks.v1.Query/Watch',
    requestStream: false,
    responseStream: true,
    originalName: 'watch',
  });
  expect(Object.keys(serviceDefinition('Query'))).toEqual([
    'Connections',
    'To',
    'From',
    'Listeners',
    'Services',
    'Hosts',
    'Deps',
    'Map',
    'About',
    'Watch',
  ]);
});

test('a field of a type that the codec does not know is refused with its name', () => {
  const field = { name: 'offset', number: 1, label: 'LABEL_OPTIONAL', type: 'TYPE_SFIXED32', typeName: '' };
  const type = { name: 'Clock', field: [field], oneofDecl: [], nestedType: [] };
  const definition = { format: 'Protocol Buffer 3 DescriptorProto', type } as never;
  expect(() => tableOf({ 'whotalks.v1.Clock': definition })).toThrow(
    new Error('proto: Clock.offset is sfixed32, which the codec cannot'),
  );
});
