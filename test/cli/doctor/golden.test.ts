/**
 * `whotalks doctor` as a person reads it at 80 columns, wherever it may be called. The texts are files of test/golden;
 * `npx vitest run test/cli/doctor -u` writes them anew.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asUser, Place, repository } from '../../support/faults/place.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';

/** What is of the machine, or of the moment: a busy one may take more CPU for a scan than is allowed. */
function withoutChance(text: string): string {
  return text.replace(/(kernel +)\S+/, '$1KERNEL').replace(/^(ok|lacking) +CPU[\s\S]*?(?=^\S)/m, (lines) => {
    const [detail] = lines.replace(/^\w+/, '').replaceAll(/\s+/g, ' ').split(' lost: ', 1);
    return `ok${detail!.replaceAll(/(less than )?[0-9.]+ (ms|% of a)/g, 'N $2').trimEnd()}\n`;
  });
}

describe.runIf(canMakeNamespaces)('doctor', () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.open();
  });
  afterAll(() => place.close());

  it.each<[string, string[]]>([
    ['root', []],
    ['user', asUser()],
    ['user-with-bpf', asUser('bpf', 'perfmon')],
    ['bare-network-namespace', ['unshare', '--net', '--']],
    ['foreign-proc', ['unshare', '--pid', '--fork', '--kill-child', '--']],
  ])('%s', async (name, prefix) => {
    const environment = ['env', `--chdir=${repository}`, 'COLUMNS=80'];
    const text = await place.namespace.run([
      ...prefix,
      ...environment,
      process.execPath,
      'bin/whotalks',
      'doctor',
    ]);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    await expect(withoutChance(text)).toMatchFileSnapshot(`../../golden/doctor-${name}.txt`);
  });
});
