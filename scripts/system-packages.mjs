/** System programs that tests and benches run, the Debian packages that hold them, and how they get here. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runQuietly, StepError, step } from './step.mjs';

/** Program → Debian package, for `npm test`. */
export const testPrograms = {
  ip: 'iproute2',
  perl: 'perl-base',
  nft: 'nftables',
  'nats-server': 'nats-server',
  chromium: 'chromium',
};

/** The peers that benches measure against. */
export const benchPrograms = {
  ip: 'iproute2',
  ss: 'iproute2',
  netstat: 'net-tools',
  lsof: 'lsof',
  nft: 'nftables',
  conntrack: 'conntrack',
};

/** What soaks compare whotalks with, and what their loads are written in. */
export const soakPrograms = { ip: 'iproute2', ss: 'iproute2', perl: 'perl-base', nft: 'nftables' };

/** Folders of system programs that a user's PATH may lack. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Installs what is missing, as root with apt-get; else says which packages are wanted and fails.
 * @param {Readonly<Record<string, string>>} programs
 */
export async function requirePrograms(programs) {
  const missing = Object.keys(programs).filter((program) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => programs[program]))];
  const wanted = `${missing.join(', ')} (Debian: ${packages.join(' ')})`;
  if (process.getuid?.() !== 0 || !isInstalled('apt-get')) {
    throw new StepError(`tests need ${wanted}: install with \`sudo apt-get install ${packages.join(' ')}\``);
  }
  await step(`install ${packages.join(' ')}`, () => installWithApt(packages));
}

export function isInstalled(program) {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...systemFolders];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Throws StepError with what apt-get said. */
export async function installWithApt(packages) {
  const commands = [['update'], ['install', '-y', '--no-install-recommends', ...packages]];
  for (const args of commands) {
    const { code, output } = await runQuietly('apt-get', ['-q', ...args], {
      DEBIAN_FRONTEND: 'noninteractive',
    });
    if (code !== 0)
      throw new StepError(`${output.trimEnd()}\napt-get ${args[0]} failed: its words stand above`);
  }
}
