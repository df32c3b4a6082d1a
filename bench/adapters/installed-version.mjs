import { readFileSync } from 'node:fs';

/** The version of a package in this folder's node_modules. Throws when it is not installed. */
export function installedVersion(name) {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  try {
    return JSON.parse(readFileSync(file, 'utf8')).version;
  } catch (cause) {
    throw new Error(`${name} is not installed: run \`npm ci\` in bench/`, { cause });
  }
}
