/** How often, and for whom, the names of containers are looked up. */
import { describe, expect, it } from 'vitest';
import {
  ContainerNameTable,
  type FoundNames,
  lookupsPerSecondMax,
  rememberedContainersMax,
  waitingMax,
} from '../../../agent/resolve/container-names.ts';
import { noPlacement, type Placement } from '../../../agent/resolve/placement.ts';
import { until } from '../../support/until.ts';

const docker: Placement = { ...noPlacement, container: 'c1', runtime: 'docker' };

function named(containerName: string): FoundNames {
  return { runtime: null, containerName, podName: null, podNamespace: null, workload: null };
}

/** A table, and whom it asked for. */
function table(
  read: (id: string) => FoundNames,
  readAside: (id: string) => Promise<FoundNames> = async () => null,
) {
  const asked: string[] = [];
  const askedAside: string[] = [];
  const names = new ContainerNameTable({
    read: ({ container }) => {
      asked.push(container!);
      return read(container!);
    },
    readAside: ({ container }) => {
      askedAside.push(container!);
      return readAside(container!);
    },
    problem: null,
  });
  return { names, asked, askedAside };
}

describe('a container', () => {
  it('is looked up once', () => {
    const { names, asked } = table(named);
    expect(names.identify(docker, 0)).toEqual({
      container: 'c1',
      runtime: 'docker',
      containerName: 'c1',
      pod: null,
      podName: null,
      podNamespace: null,
      workload: null,
    });
    expect(names.identify(docker, 100_000).containerName).toBe('c1');
    expect(asked).toEqual(['c1']);
  });

  it('that has no name yet is looked up again, ever more rarely', () => {
    const { names, asked } = table(() => null);
    const look = (nowMs: number): number => {
      expect(names.identify(docker, nowMs).containerName).toBeNull();
      return asked.length;
    };
    expect([0, 1_000, 1_500, 2_000, 3_000, 4_000].map(look)).toEqual([1, 2, 2, 3, 3, 4]);
  });

  it('gets its runtime from whoever knows its name', () => {
    const { names } = table(() => ({ ...(named('web') as object), runtime: 'podman' }) as FoundNames);
    expect(names.identify({ ...docker, runtime: null }, 0).runtime).toBe('podman');
    expect(names.identify({ ...docker, container: 'c2' }, 0).runtime).toBe('docker');
  });

  it('is its own name for LXC and systemd-nspawn', () => {
    const { names, asked } = table(named);
    expect(names.identify({ ...docker, runtime: 'lxc' }, 0).containerName).toBe('c1');
    expect(names.identify({ ...docker, runtime: 'nspawn' }, 0).containerName).toBe('c1');
    expect(asked).toEqual([]);
  });

  it('in another container is not for the machine to name', () => {
    const { names, asked } = table(named);
    expect(names.identify({ ...docker, isNested: true }, 0).containerName).toBeNull();
    expect(asked).toEqual([]);
  });

  it('of a user is not that of the machine with the same id', () => {
    const { names } = table((id) => (id === 'c1' ? named('checkout') : null));
    expect(names.identify(docker, 0).containerName).toBe('checkout');
    const { names: users } = table(() => null);
    expect(users.identify({ ...docker, manager: 1000 }, 0).containerName).toBeNull();
  });

  it('that is none has no names', () => {
    const { names, asked } = table(named);
    expect(names.identify({ ...noPlacement, pod: 'uid' }, 0)).toMatchObject({ container: null, pod: 'uid' });
    expect(asked).toEqual([]);
  });
});

describe('names that take their time', () => {
  it('are there when they are asked for again', async () => {
    const { names, askedAside } = table(
      () => null,
      async (id) => named(`late ${id}`),
    );
    expect(names.identify(docker, 0).containerName).toBeNull();
    await until('its name is known', () => names.identify(docker, 0).containerName === 'late c1');
    expect(askedAside).toEqual(['c1']);
  });

  it('are waited for one after the other', async () => {
    let answer: (found: FoundNames) => void = () => {};
    const { names, askedAside } = table(
      () => null,
      () => new Promise((resolve) => (answer = resolve)),
    );
    names.identify(docker, 0);
    names.identify({ ...docker, container: 'c2' }, 0);
    expect(askedAside).toEqual(['c1']);
    answer(null);
    await until('the second one is asked for', () => askedAside.length === 2);
    expect(askedAside).toEqual(['c1', 'c2']);
  });
});

describe('the table', () => {
  it('counts what is closed to the agent, until somebody else tells', async () => {
    const { names } = table(
      () => 'refused',
      async (id) => (id === 'c1' ? named('web') : 'refused'),
    );
    names.identify(docker, 0);
    names.identify({ ...docker, container: 'c2' }, 0);
    expect(names.problems).toEqual({ refused: 2, source: null });
    await until('one is told', () => names.problems.refused === 1);
    expect(names.identify(docker, 0).containerName).toBe('web');
  });

  it('lets some containers wait, and counts the others', () => {
    const { names, askedAside } = table(
      () => null,
      () => new Promise(() => {}),
    );
    for (let i = 0; i < waitingMax + 3; i++) names.identify({ ...docker, container: `c${i}` }, i * 1000);
    expect(askedAside).toEqual(['c0']);
    expect(names.tables[1]).toEqual({
      name: 'containers_to_name',
      size: waitingMax,
      limit: waitingMax,
      refusedTotal: 3,
    });
  });

  it('looks up some containers a second', () => {
    const { names, asked } = table(named);
    const look = (nowMs: number): number => {
      for (let i = 0; i < lookupsPerSecondMax + 5; i++)
        names.identify({ ...docker, container: `c${i}` }, nowMs);
      return asked.length;
    };
    expect(look(5)).toBe(lookupsPerSecondMax);
    expect(look(1004)).toBe(lookupsPerSecondMax);
    expect(look(1005)).toBe(lookupsPerSecondMax + 5);
  });

  it('forgets the one that was asked for longest ago', () => {
    const { names, asked } = table(named);
    let nowMs = 0;
    const look = (container: string): void => {
      names.identify({ ...docker, container }, nowMs);
      nowMs += 1000;
    };
    look('first');
    look('second');
    look('first');
    for (let i = 0; i < rememberedContainersMax - 1; i++) look(`c${i}`);
    expect(names.tables[0]).toEqual({
      name: 'containers',
      size: rememberedContainersMax,
      limit: rememberedContainersMax,
      refusedTotal: 1,
    });
    asked.length = 0;
    look('first');
    look('second');
    expect(asked).toEqual(['second']);
  });
});
