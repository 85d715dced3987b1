/** The built command line as a process of its own: what becomes of its output. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const binary = fileURLToPath(new URL('../../bin/whotalks', import.meta.url));

/** Runs a line of bash, in which `$W` is the command. */
function bash(line: string): Promise<{ out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, W: binary };
    execFile('bash', ['-c', line], { env }, (_error, out, err) => resolve({ out, err }));
  });
}

test('a reader that has seen enough is no error', async () => {
  const { out, err } = await bash('$W sockets -o json | head -1; echo "$PIPESTATUS"');
  expect({ out, err: err.replaceAll(/^whotalks: cannot see: .*\n/gm, '') }).toEqual({
    out: '{\n0\n',
    err: '',
  });
});

test('a full disk is one line and exit code 1', async () => {
  expect(await bash('$W --help >/dev/full; echo $?')).toEqual({
    out: '1\n',
    err: 'whotalks: what is printed cannot be written: there is no space left\n',
  });
});
