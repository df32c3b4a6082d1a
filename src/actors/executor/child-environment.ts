/** What a child sees of the environment. Handlers are not to find the way to Redis in it. */
export interface ChildEnvironment {
  /** Names taken over from this process. Default: all but the denied ones. */
  readonly inherit?: readonly string[];
  /** Further variables, or other values. Not checked against the denied ones. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Never inherited. NODE_OPTIONS would load our own flags (or an inspector) once more; the others would make Node open
 * an IPC channel that handlers could reach.
 */
const deniedVariables: readonly string[] = [
  'NODE_OPTIONS',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_UNIQUE_ID',
];

/** Beginnings of all that tells rxrq, RQ or both where Redis is, and with which password. */
const deniedPrefixes: readonly string[] = ['REDIS_', 'RQ_', 'RXRQ_'];

/** Whether children never inherit the variable. They can be given it, by `set`. */
export const isDeniedVariable = (name: string): boolean =>
  deniedVariables.includes(name) || deniedPrefixes.some((prefix) => name.startsWith(prefix));

/** What Node, and most of what handlers call, needs to run at all; no secret has its place in them. */
export const neededVariables: readonly string[] = [
  'PATH',
  'LD_LIBRARY_PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'TZ',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
];

/** The environment for a child, from the parent's. Pure. */
export const childEnvironment = (
  parent: NodeJS.ProcessEnv,
  { inherit, set }: ChildEnvironment = {},
): Record<string, string> => {
  const environment: Record<string, string> = {};
  for (const name of inherit ?? Object.keys(parent)) {
    // A name such as `constructor` finds what is no variable.
    const value = Object.hasOwn(parent, name) ? parent[name] : undefined;
    if (value !== undefined && !isDeniedVariable(name)) environment[name] = value;
  }
  return { ...environment, ...set };
};
