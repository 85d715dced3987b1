/** The address and port columns of a row as a four-tuple. */
import type { FourTuple } from '../../model/four-tuple.ts';
import type { OpenColumns } from '../../wire/agent-batch.ts';
import { ipv4FromNumber, unpackPorts } from '../../wire/packing.ts';
import type { StreamDictionary } from './dictionary.ts';

/** @param v6 the addresses are ids of the dictionary; throws WireError unknown-id for one that it does not have */
export function resolveTuple(
  columns: Pick<OpenColumns, 'localAddress' | 'remoteAddress' | 'ports'>,
  row: number,
  v6: boolean,
  dictionary: StreamDictionary,
): FourTuple {
  const ports = unpackPorts(columns.ports[row]!);
  const ip = (address: number) => (v6 ? dictionary.address(address) : ipv4FromNumber(address));
  return {
    local: { ip: ip(columns.localAddress[row]!), port: ports.local },
    remote: { ip: ip(columns.remoteAddress[row]!), port: ports.remote },
  };
}
