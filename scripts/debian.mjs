// @ts-check
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { Refusal, run, say } from './running.mjs';

const policy = '/usr/sbin/policy-rc.d';

/** Whether we may install packages here without asking: root on a machine with apt. */
export function canAptInstall() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

/**
 * Installs Debian packages, without letting their services start.
 *
 * @param {readonly string[]} packages
 * @throws {Refusal} with apt's own words
 */
export async function aptInstall(packages) {
  say(`installing ${packages.join(', ')} with apt-get`);
  // Debian starts the daemon of a package as it installs it, unless this file says no: the tests
  // bring their own server, and a machine that had none must have none afterwards.
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await apt(['update', '-qq']);
    await apt(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

/** @param {string[]} args */
async function apt(args) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const { code, output } = await run('apt-get', args, { env, output: 'collect' });
  if (code !== 0) throw new Refusal(`apt-get ${args.join(' ')} ended with ${code}:\n${output}`);
}
