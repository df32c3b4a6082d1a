import { isTask } from '../../tasks.js';
import type { Handler, NamedHandler } from './handlers.js';

/** A class as a container resolves it. */
export type HandlerClass = abstract new (...args: never[]) => object;

/**
 * The container, as far as handlers need it; this file knows no container by name. `resolve` is
 * asked anew for every job, inside the job's scope, so that a child container may answer.
 */
export interface ClassResolver {
  resolve(handlerClass: HandlerClass): object;
  /** Whether an exported class is meant for injection. Default: it carries decorator metadata. */
  isInjectable?(handlerClass: HandlerClass): boolean;
}

type Metadata = { hasOwnMetadata?(key: string, target: object): boolean };

const carriesMetadata = (handlerClass: HandlerClass): boolean => {
  const { hasOwnMetadata } = Reflect as Metadata;
  return ['design:paramtypes', 'injectionTokens'].some(
    (key) => hasOwnMetadata?.(key, handlerClass) === true,
  );
};

const isClass = (value: unknown): value is HandlerClass =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

const isPlainObject = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null || isTask(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

/** Own and inherited method names, without accessors, `_private` ones and the container's `dispose`. */
const methodNames = (handlerClass: HandlerClass): string[] => {
  const names = new Set<string>();
  let prototype: object | null = handlerClass.prototype;
  while (prototype && Object.getPrototypeOf(prototype) !== null) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof property.value === 'function' && !/^(_|constructor$|dispose$)/.test(key)) {
        names.add(key);
      }
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return [...names];
};

/**
 * What one loaded module offers:
 *
 * - tasks of `defineTasks`, under their own names;
 * - exported functions, as `<module>.<export>`, which is how Python names `tasks.add`;
 * - classes for injection, each method as `Class.method` and `<module>.Class.method`, resolved
 *   through `classes`; without a resolver classes are passed over;
 * - `export const handlers = { 'any name': function }`, which says exactly what it says; a class in
 *   it counts as meant for injection, under the key as its name.
 *
 * A default export that is a plain object is read as if its members were exports (CommonJS).
 */
export const collectHandlers = (
  namespace: object,
  moduleName: string,
  classes?: ClassResolver,
): NamedHandler[] => {
  const found: NamedHandler[] = [];
  const add = (name: string, handler: Handler, where: string) =>
    found.push({ name, handler, origin: `${where} of ${moduleName}` });

  // One wrapper per method: a class that is exported twice is one handler, not two that collide.
  const wrappers = new Map<HandlerClass, Map<string, Handler>>();
  const wrappersOf = (handlerClass: HandlerClass, resolver: ClassResolver) => {
    const made = wrappers.get(handlerClass) ?? new Map<string, Handler>();
    for (const method of made.size > 0 ? [] : methodNames(handlerClass)) {
      made.set(method, (...args) =>
        (resolver.resolve(handlerClass) as Record<string, Handler>)[method]?.(...args),
      );
    }
    wrappers.set(handlerClass, made);
    return made;
  };

  const addClass = (handlerClass: HandlerClass, prefixes: string[], where: string) => {
    if (!classes) return;
    for (const [method, handler] of wrappersOf(handlerClass, classes)) {
      for (const prefix of prefixes) add(`${prefix}.${method}`, handler, `${where}.${method}`);
    }
  };

  const addExplicit = (entries: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(entries)) {
      if (isTask(value)) add(value.name, value.handler as Handler, `handlers[${name}]`);
      else if (isClass(value)) addClass(value, [name], `handlers[${name}]`);
      else if (typeof value === 'function') add(name, value as Handler, `handlers[${name}]`);
    }
  };

  const seen = new Set<unknown>();
  const addExport = (key: string, value: unknown) => {
    if (isTask(value)) add(value.name, value.handler as Handler, `export ${key}`);
    else if (isClass(value)) {
      const isMeant = classes?.isInjectable?.(value) ?? carriesMetadata(value);
      if (isMeant) addClass(value, [value.name, `${moduleName}.${value.name}`], `export ${key}`);
    } else if (typeof value === 'function') {
      add(`${moduleName}.${key}`, value as Handler, `export ${key}`);
    } else if (key === 'handlers' && isPlainObject(value)) addExplicit(value);
    else if (isPlainObject(value) && !seen.has(value)) {
      seen.add(value);
      const isModule = key === 'default' || key === 'module.exports';
      for (const [inner, member] of Object.entries(value)) {
        if (isModule || isTask(member)) addExport(inner, member);
      }
    }
  };

  for (const key of Object.keys(namespace)) {
    addExport(key, (namespace as Record<string, unknown>)[key]);
  }
  return found;
};
