import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ClassResolver, collectHandlers } from './collect-handlers.js';
import { HandlerModuleError } from './errors.js';
import { Handlers } from './handlers.js';

const typeScript = /\.[cm]?tsx?$/;

/**
 * A module as the operator named it (URL, `file:` URL as text, or path from the working directory)
 * as a file URL. Only files: what is loaded is decided by the operator, never by Redis.
 *
 * @throws HandlerModuleError for any other scheme.
 */
export const handlerModuleUrl = (module: string | URL): URL => {
  const text = String(module);
  const isPath = !(module instanceof URL) && !/^[a-z][a-z\d+.-]+:/i.test(text);
  const url = isPath ? pathToFileURL(resolve(text)) : new URL(text);
  if (url.protocol !== 'file:') throw new HandlerModuleError(text, 'it is not a file');
  return url;
};

/** The name that prefixes a module's exports: the file's name without directory and extension. */
export const handlerModuleName = (url: URL): string =>
  decodeURIComponent(url.pathname.split('/').at(-1) ?? '').replace(/\.[^.]+$/, '');

/**
 * Imports one module. JavaScript goes through Node itself; TypeScript through jiti, the one loader
 * that keeps decorator metadata (without it injection by type fails).
 *
 * @throws HandlerModuleError, whose `cause` is what the module threw.
 */
export const importModule = async (url: URL): Promise<object> => {
  try {
    if (!typeScript.test(url.pathname)) return await import(url.href);
    const { createJiti } = await import('jiti');
    const jiti = createJiti(url.href, { interopDefault: false });
    return await jiti.import(fileURLToPath(url));
  } catch (cause) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new HandlerModuleError(url.href, reason, { cause });
  }
};

/**
 * Loads the given modules, in order, into one closed registry.
 *
 * @throws HandlerModuleError, DuplicateHandlerError
 */
export const loadHandlers = async (
  modules: readonly (string | URL)[],
  classes?: ClassResolver,
): Promise<Handlers> => {
  const found = [];
  for (const module of modules) {
    const url = handlerModuleUrl(module);
    found.push(...collectHandlers(await importModule(url), handlerModuleName(url), classes));
  }
  return new Handlers(found);
};
