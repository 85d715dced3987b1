/** `whotalks watch [FILTER]`: what opens, closes, is refused or is seen for the first time, as it happens. */
import type { WatchDocument } from '../../model/document.ts';
import { parseFilter } from '../../query/parser.ts';
import { noteDemo, openClient } from '../answer.ts';
import { type ExitCode, exitCodes } from '../exit.ts';
import { checked } from '../filter-operand.ts';
import { endName, endpointText } from '../format/ends.ts';
import { formatNdjson } from '../format/json.ts';
import { translationText } from '../format/nat.ts';
import { plainText } from '../format/plain-text.ts';
import { commonSettingsOf, type Invocation, requireFormat } from '../invocation.ts';

/** `json` is a stream of documents too: one per line. */
const watchFormats = ['table', 'json', 'ndjson'] as const;

/** Ends after `--limit` events, when one is given. */
export async function run(invocation: Invocation): Promise<ExitCode> {
  const { io, operand } = invocation;
  const settings = commonSettingsOf(invocation);
  const format = requireFormat(settings.output, watchFormats);
  checked('filter', () => parseFilter(operand));
  const client = openClient(invocation, settings);
  let events = 0;
  let isDemoSaid = false;
  try {
    for await (const document of client.watch({ q: operand, realm: settings.realm }, io.signal)) {
      if (!isDemoSaid && isSimulated(document)) {
        noteDemo(io);
        isDemoSaid = true;
      }
      io.stdout.write(format === 'table' ? eventLine(document) : formatNdjson([document]));
      if (document.kind !== 'started') events += 1;
      if (settings.limit > 0 && events >= settings.limit) return exitCodes.ok;
    }
  } finally {
    client.close();
  }
  return io.signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

/** Whether the event is of a simulated host. */
function isSimulated({ connection, host }: WatchDocument): boolean {
  return [connection?.client, connection?.server, host].some((subject) => subject?.labels['demo'] === 'true');
}

/** `14:02:11  opened   index_search@web1 10.1.17.138:8653 → index@idx1 10.1.100.9:8743` */
function eventLine(document: WatchDocument): string {
  const time = document.asOf.slice(11, 19);
  return `${time}  ${document.kind.padEnd(7)}  ${plainText(eventText(document))}\n`;
}

function eventText({ kind, connection, edge, host, missed }: WatchDocument): string {
  if (connection !== null) {
    const { client, server } = connection;
    const translated = translationText(connection);
    const ends = `${endName(client)} ${endpointText(client)} → ${endName(server)} ${endpointText(server)}`;
    return translated === null ? ends : `${ends} (${translated})`;
  }
  if (edge !== null)
    return `${edge.client} → ${edge.server} :${edge.port}/${edge.protocol} for the first time`;
  if (host !== null) return `${host.host} is ${host.state}`;
  if (kind === 'missed') return `${missed} events were left out: this watcher is too slow`;
  return 'watching';
}
