// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal, run, say } from './running.mjs';

/**
 * `npm ci` where node_modules is missing or does not hold what package-lock.json says.
 *
 * @param {string} directory of a package.json
 */
export async function install(directory) {
  requireNode();
  if (isInstalled(directory)) return;
  say(`npm ci in ${directory}`);
  const { code } = await run('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: directory,
  });
  if (code !== 0) throw new Refusal(`npm ci in ${directory} ended with ${code}.`);
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Refusal(`rxrq needs Node 20.19 or newer; this is ${process.version}.`);
}

/** npm leaves in node_modules a lock file of what it put there: compare it with the one we want. */
function isInstalled(/** @type {string} */ directory) {
  const present = packagesIn(join(directory, 'node_modules/.package-lock.json'));
  const wanted = packagesIn(join(directory, 'package-lock.json'));
  for (const path of Object.keys(present)) if (!wanted[path]) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = present[path];
    // Binaries for other platforms are optional and left out.
    if (!found) return optional === true;
    return found.version === version && found.integrity === integrity;
  });
}

/**
 * @param {string} lockFile
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }>}
 */
function packagesIn(lockFile) {
  if (!existsSync(lockFile)) return {};
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
}
