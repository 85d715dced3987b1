/**
 * docker-compose.yml is not run by tests, so everything that it refers to is looked up: keys, files, build targets,
 * volumes, hosts, ports, and the commands and flags of whotalks.
 */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { exists, readSource, repository } from '../support/source-tree.ts';

/** The part of the compose specification that the file uses; any other key is a mistake. */
const service = z.strictObject({
  image: z.string().optional(),
  build: z.strictObject({ context: z.literal('.'), dockerfile: z.string(), target: z.string() }).optional(),
  hostname: z.string().optional(),
  command: z.array(z.string()),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/, 'published on loopback alone')).optional(),
  volumes: z.array(z.string().regex(/^[a-z]+:\/[a-z]+$/)).optional(),
  depends_on: z.array(z.string()).optional(),
});
const composeFile = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

const compose = composeFile.parse(parse(readSource('docker-compose.yml'), { merge: true }));
const services = Object.entries(compose.services);
const dockerfile = readSource('deploy/Dockerfile');

function helpOf(command: string): string {
  const { stdout } = spawnSync(process.execPath, ['bin/whotalks', command, '--help'], {
    cwd: repository,
    encoding: 'utf8',
  });
  return stdout;
}

function expectFlagsOf(command: string, flags: readonly string[]): void {
  const help = helpOf(command);
  for (const flag of flags) expect(help, `${command} ${flag}`).toMatch(new RegExp(`${flag}\\b`));
}

function flagsIn(args: readonly string[]): string[] {
  return args.filter((arg) => arg.startsWith('--')).map((arg) => arg.split('=', 1)[0]!);
}

test('the fleet is an aggregator, NATS and three hosts', () => {
  expect(services.map(([name]) => name)).toEqual(['nats', 'aggregator', 'web', 'shop', 'db']);
});

test.each(services)(
  '%s is built from files and stages that exist, and depends on what is there',
  (_name, each) => {
    expect(each.image === undefined).toBe(each.build !== undefined);
    if (each.build !== undefined) {
      expect(exists(each.build.dockerfile)).toBe(true);
      expect(dockerfile).toMatch(new RegExp(`^FROM \\S+ AS ${each.build.target}$`, 'm'));
    }
    for (const other of each.depends_on ?? []) expect(compose.services).toHaveProperty([other]);
  },
);

test('every volume is declared, and every declared volume is used', () => {
  const used = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':', 1)[0]));
  expect(new Set(used)).toEqual(new Set(Object.keys(compose.volumes)));
});

test('the aggregator has the command and flags that it is given, and listens on what is published', () => {
  const [command, ...args] = compose.services['aggregator']!.command;
  expect(command).toBe('aggregator');
  expectFlagsOf('aggregator', flagsIn(args));
  expect(args).toContain('--http=0.0.0.0:7480');
  expect(args).toContain('--nats=nats://nats:4222');
});

test('the agent of a demo host has the flags that it is given, and reaches the aggregator', () => {
  const script = readSource('deploy/demo-host.sh');
  const agent = /whotalks agent (.*)$/m.exec(script)![1]!;
  expectFlagsOf('agent', flagsIn(agent.split(' ')));
  expect(agent).toContain('--server aggregator:7443');
  expect(compose.services['aggregator']!.command).toContain('--listen=0.0.0.0:7443');
});

test('whom a demo host calls listens there', () => {
  const listening = services.flatMap(([name, { command }]) =>
    command.flatMap((arg, i) => (arg === '--listen' ? [`${name}:${command[i + 1]}`] : [])),
  );
  const called = services.flatMap(([, { command }]) =>
    command.flatMap((arg, i) => (arg === '--call' ? [command[i + 1]!] : [])),
  );
  expect(called).not.toEqual([]);
  for (const callee of called) expect(listening).toContain(callee);
});

test('the image copies only what the checkout has and its own stages make', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap((match) =>
    match[1]!.split(' '),
  );
  expect(copied.filter((path) => path !== '.' && !exists(path))).toEqual([]);
  const ignored = readSource('.dockerignore').trim().split('\n');
  expect(copied.filter((path) => ignored.includes(path.split('/', 1)[0]!))).toEqual([]);
});
