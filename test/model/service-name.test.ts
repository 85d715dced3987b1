/** What a workload is called, by what is known of it. */
import { describe, expect, it } from 'vitest';
import type { Process } from '../../model/process.ts';
import { serviceName, unescapeUnit } from '../../model/service-name.ts';
import { process } from '../agent/sockets.ts';

const noLabels = new Map<string, string>();

describe('the service is called by', () => {
  const known: Partial<Process> = {
    workload: 'checkout',
    containerName: 'app',
    unit: 'containerd.service',
    program: 'server',
    comm: 'node',
  };
  it.each([
    ['the label of the host', known, new Map([['service', 'shop']]), 'shop'],
    ['the workload', known, noLabels, 'checkout'],
    ['the container', { ...known, workload: null }, noLabels, 'app'],
    ['the unit', { ...known, workload: null, containerName: null }, noLabels, 'containerd'],
    ['the program', { program: 'server', comm: 'node' }, noLabels, 'server'],
    ['its comm', { program: null, comm: 'node' }, noLabels, 'node'],
    ['nothing', { program: null, comm: '' }, noLabels, null],
    ['the program, as an empty label says nothing', { program: 'a' }, new Map([['service', '']]), 'a'],
  ])('%s', (_, shape, labels, name) => expect(serviceName(process(shape), labels)).toBe(name));
});

describe('the unit', () => {
  it.each([
    ['nginx.service', 'nginx'],
    ['getty@tty1.service', 'getty'],
    ['postgresql@15-main.service', 'postgresql'],
    ['my\\x2dapp.service', 'my-app'],
    ['caf\\xc3\\xa9.service', 'café'],
    ['app-org.gnome.Terminal@0f3c.service', 'app-org.gnome.Terminal'],
    ['dbus-:1.2-org.example.Sync@0.service', 'org.example.Sync'],
    ['run-u12.service', 'program'],
    ['run-r0123456789abcdef0123456789abcdef.service', 'program'],
    ['run-p4242-i99.service', 'program'],
    ['run-4242.service', 'program'],
    ['runner.service', 'runner'],
  ])('%s is %s', (unit, name) =>
    expect(serviceName(process({ unit, program: 'program' }), noLabels)).toBe(name),
  );

  it('keeps what is no escaped text', () => {
    expect(unescapeUnit('\\xff\\xfe')).toBe('\\xff\\xfe');
    expect(unescapeUnit('\\x2')).toBe('\\x2');
    expect(unescapeUnit('\ud800\\x2d')).toBe('\ud800\\x2d');
  });
});
