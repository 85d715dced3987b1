/** How much one stream may define. */
import { expect, test } from 'vitest';
import { StreamDictionary } from '../../../aggregator/ingest/dictionary.ts';
import { dictionaryAddressesMax, dictionaryTextMax } from '../../../aggregator/ingest/limits.ts';
import { agentBatch } from '../../../wire/agent-batch.ts';
import { netnsOf, processOf } from '../../agent/export/sockets.ts';

/** One text stands for all, so that the test holds it once. */
const longest = 'x'.repeat(1 << 20);
const hungry = { ...processOf(1), cmdline: longest };

function define(dictionary: StreamDictionary, first: number, count: number): void {
  const ids = Array.from({ length: count }, (_, n) => first + n);
  dictionary.define(agentBatch({ processes: ids.map((id) => ({ id, process: hungry })) }));
}

test('texts are bounded together, and what is dropped or defined anew makes room', () => {
  const dictionary = new StreamDictionary();
  const most = Math.floor(dictionaryTextMax / longest.length) - 1;
  define(dictionary, 1, most);
  define(dictionary, 1, most);
  dictionary.drop(agentBatch({ droppedProcesses: [1, 1, 999] }));
  define(dictionary, 1, 1);
  expect(() => define(dictionary, most + 1, 1)).toThrow(
    `too-many: more than ${dictionaryTextMax} letters of processes are defined on this stream`,
  );
});

test('addresses of namespaces are bounded together', () => {
  const dictionary = new StreamDictionary();
  const addresses = Array.from({ length: 1024 }, () => ({ ip: '10.0.0.1', prefixLength: 8, device: null }));
  const define1024 = (id: number): void =>
    dictionary.define(agentBatch({ netns: [{ id, netns: { ...netnsOf(id), addresses } }] }));
  const most = dictionaryAddressesMax / 1024;
  for (let id = 1; id <= most; id++) define1024(id);
  expect(() => define1024(most + 1)).toThrow(
    `too-many: more than ${dictionaryAddressesMax} addresses of netns are defined on this stream`,
  );
});
