/** Where veth ports lead, told by numbers and by who is there. */
import { describe, expect, it } from 'vitest';
import {
  type AskNetnsId,
  emptyGraceMs,
  type Inhabited,
  PeerNamespaces,
} from '../../../agent/netlink/peer-namespaces.ts';

const host = 4026531840;

/** Namespaces by inode; each has a process in the folder of that name. */
function inhabited(inodes: readonly number[], isComplete = true): Inhabited {
  return { isComplete, namespaces: new Map(inodes.map((inode) => [inode, [{ path: String(inode) }]])) };
}

/** Inode 100 goes by number 0, 101 by 1 and so on; the host by 50. */
const ask: AskNetnsId = (path) => {
  const inode = Number(path);
  if (inode === host) return 50;
  return inode < 200 ? inode - 100 : null;
};

function look(
  peers: PeerNamespaces,
  ids: readonly number[],
  who: Inhabited,
  nowMs = 0,
  asked = ask,
): boolean[] {
  peers.look(new Set(ids), who, asked, nowMs);
  return ids.map((id) => peers.leadsAway(id));
}

describe('a port', () => {
  it('into a namespace with a process leads to a container', () => {
    expect(look(new PeerNamespaces(null), [0, 1], inhabited([host, 100, 101]))).toEqual([false, false]);
  });

  it('into a namespace where nobody is leads away', () => {
    const peers = new PeerNamespaces(null);
    expect(look(peers, [0, 7], inhabited([host, 100]))).toEqual([false, true]);
    expect(peers.hasUnknown).toBe(true);
    expect(peers.changesAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('from a container to the host leads away', () => {
    expect(look(new PeerNamespaces(host), [0, 50], inhabited([host, 100]))).toEqual([false, true]);
  });

  it.each([
    ['not every process is seen', inhabited([host], false), ask],
    ['a namespace is closed to the agent', inhabited([host, 100]), (): 'denied' => 'denied'],
  ])('leads to a container as far as can be told where %s', (_, who, asked) => {
    expect(look(new PeerNamespaces(null), [7], who, 0, asked)).toEqual([false]);
  });

  it('that is new has a while to get a process', () => {
    const peers = new PeerNamespaces(null);
    look(peers, [], inhabited([host]));
    expect(look(peers, [0], inhabited([host]), 1000)).toEqual([false]);
    expect(peers.changesAtMs).toBe(1000 + emptyGraceMs);
    expect(look(peers, [0], inhabited([host]), 1000 + emptyGraceMs)).toEqual([true]);
    expect(peers.changesAtMs).toBe(Number.POSITIVE_INFINITY);
    expect(look(peers, [0], inhabited([host, 100]), 20_000)).toEqual([false]);
    expect(peers.hasUnknown).toBe(false);
  });

  it('whose last process is gone has a while too', () => {
    const peers = new PeerNamespaces(null);
    expect(look(peers, [0], inhabited([host, 100]))).toEqual([false]);
    expect(look(peers, [0], inhabited([host]), 5000)).toEqual([false]);
    expect(look(peers, [0], inhabited([host]), 5000 + emptyGraceMs)).toEqual([true]);
  });

  it('is looked up once while its namespace is there, and again for another one of the same number', () => {
    const asked: string[] = [];
    const noting: AskNetnsId = (path) => {
      asked.push(path);
      return ask(path);
    };
    const peers = new PeerNamespaces(null);
    look(peers, [0], inhabited([100, 101]), 0, noting);
    look(peers, [0, 1], inhabited([100, 101]), 0, noting);
    expect(asked).toEqual(['100', '101']);
    look(peers, [0], inhabited([101, 150]), 0, () => 0);
    expect(peers.leadsAway(0)).toBe(false);
  });
});
