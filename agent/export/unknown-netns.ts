/** A namespace of which nothing is known but its number. */
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';

export function netnsByNumber(inode: number): Netns {
  return {
    inode,
    isHost: false,
    addresses: [],
    localNetworks: [],
    ephemeralPorts: [defaultEphemeralPorts[0], defaultEphemeralPorts[1]],
  };
}
