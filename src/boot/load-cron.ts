import { type CronEntries, isCronEntries } from '../actors/cron/cron-entry.js';
import { CronModuleError } from '../actors/cron/errors.js';
import { HandlerModuleError } from '../actors/handlers/errors.js';
import { handlerModuleUrl, importModule } from '../actors/handlers/load-handlers.js';

/**
 * The entries of all lists that a module exports. TypeScript is loaded as handlers are.
 *
 * @throws CronModuleError
 */
export const loadCronModule = async (module: string | URL): Promise<CronEntries['entries']> => {
  const loaded = await load(module);
  const lists = [...new Set(Object.values(loaded))].filter(isCronEntries);
  if (lists.length === 0)
    throw new CronModuleError(
      String(module),
      'it exports no entries; export default defineCron([…])',
    );
  return lists.flatMap(({ entries }) => entries);
};

const load = async (module: string | URL): Promise<object> => {
  try {
    return await importModule(handlerModuleUrl(module));
  } catch (error) {
    if (!(error instanceof HandlerModuleError)) throw error;
    throw new CronModuleError(String(module), `it did not load: ${error.reason}`, { cause: error });
  }
};
