import { existsSync } from 'node:fs';

/**
 * Whether somebody names a module of Python, as `rq` takes it: `cron.py`, `settings`, `shop.settings`.
 *
 * @param path where Node would look for it
 */
export const isPythonModule = (named: string, path: string): boolean =>
  named.endsWith('.py') ||
  (/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(named) &&
    !/\.([cm]?[jt]sx?|json)$/.test(named) &&
    !existsSync(path));
