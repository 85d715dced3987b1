/** A demo's fleet: the same for the same seed, plausible, and alive. */
import { describe, expect, test } from 'vitest';
import { hostsMax, planFleet, servicesMax } from '../../../cli/demo/plan.ts';
import { SimulatedHost } from '../../../cli/demo/simulated-host.ts';
import { World } from '../../../cli/demo/world.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';

const startMs = 1_000_000_000_000;
const shape = { hosts: 6, services: 8, seed: 7 };

function worldAt(seconds: number, seed = shape.seed): World {
  const world = new World(planFleet({ ...shape, seed }), seed, startMs);
  for (let second = 0; second <= seconds; second++) world.advance(startMs + second * 1000);
  return world;
}

const life = (world: World): string[] =>
  [...world.connections()].map(
    ({ clientIp, clientPort, server }) =>
      `${clientIp}:${clientPort}>${server.host.ip}:${server.service.port}`,
  );

describe('a simulated fleet', () => {
  test('equal seeds live equal lives, others do not', () => {
    expect(life(worldAt(30))).toEqual(life(worldAt(30)));
    expect(life(worldAt(30))).not.toEqual(life(worldAt(30, 8)));
  });

  test('a step that is looked at late is lived all the same', () => {
    const late = new World(planFleet(shape), shape.seed, startMs);
    late.advance(startMs + 30_000);
    expect(life(late)).toEqual(life(worldAt(30)));
  });

  test('connections come and go; the nightly job begins after a minute', () => {
    const early = new Set(life(worldAt(5)));
    const later = life(worldAt(50));
    expect(later.some((line) => !early.has(line))).toBe(true);
    expect([...early].some((line) => !later.includes(line))).toBe(true);
    const isNightly = (world: World): boolean =>
      [...world.connections()].some(({ client }) => client?.service.name === 'nightly');
    expect(isNightly(worldAt(59))).toBe(false);
    expect(isNightly(worldAt(60))).toBe(true);
  });

  test('every connection has both its ends in the scans, except that of the stranger', async () => {
    const world = worldAt(10);
    const hosts = world.plan.hosts.map((host) => new SimulatedHost(world, host, () => startMs + 10_000));
    const scans = await Promise.all(hosts.map((host) => host.scan()));
    const ends = scans.flatMap(({ sockets }) => sockets).filter(({ state }) => state === 'established');
    const tuples = ends.map(({ local, remote }) => `${formatEndpoint(local)} ${formatEndpoint(remote)}`);
    const lone = tuples.filter((tuple) => !tuples.includes(tuple.split(' ').toReversed().join(' ')));
    expect(new Set(tuples).size).toBe(tuples.length);
    expect(lone).toHaveLength(world.plan.stranger.connections);
    expect(lone.every((tuple) => tuple.includes(` ${world.plan.stranger.ip}:`))).toBe(true);
  });

  test('the prefork service has four owners of one listener, and somebody listens without clients', async () => {
    const world = worldAt(0);
    const scans = await Promise.all(
      world.plan.hosts.map((host) => new SimulatedHost(world, host, () => startMs).scan()),
    );
    const listeners = scans.flatMap(({ sockets }) => sockets).filter(({ state }) => state === 'listen');
    expect(listeners.some(({ owners }) => owners.length === 4)).toBe(true);
    expect(life(world).some((line) => line.endsWith(':9000'))).toBe(false);
    expect(listeners.some(({ local }) => local.port === 9000)).toBe(true);
  });

  test('the largest fleet has one address per host and one port per service', () => {
    const plan = planFleet({ hosts: hostsMax, services: servicesMax, seed: 1 });
    expect(new Set(plan.hosts.map(({ ip }) => ip)).size).toBe(hostsMax);
    expect(new Set(plan.services.map(({ port }) => port)).size).toBe(servicesMax + 2);
    expect(Math.max(...plan.services.map(({ port }) => port))).toBeLessThan(65_536);
  });
});
