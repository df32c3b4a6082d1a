/** What a child sees of the environment. Handlers are not to find the way to Redis in it. */
export interface ChildEnvironment {
  /** Names taken over from this process. Default: all but the denied ones. */
  readonly inherit?: readonly string[];
  /** Further variables, or other values. Not checked against the denied ones. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * Never inherited. The Redis URLs hold credentials; NODE_OPTIONS would load our own flags (or an
 * inspector) once more; the others would make Node open an IPC channel that handlers could reach.
 */
export const deniedVariables: readonly string[] = [
  'REDIS_URL',
  'RQ_REDIS_URL',
  'RXRQ_REDIS_URL',
  'NODE_OPTIONS',
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_UNIQUE_ID',
];

/** The environment for a child, from the parent's. Pure. */
export const childEnvironment = (
  parent: NodeJS.ProcessEnv,
  { inherit, set }: ChildEnvironment = {},
): Record<string, string> => {
  const environment: Record<string, string> = {};
  for (const name of inherit ?? Object.keys(parent)) {
    const value = parent[name];
    if (value !== undefined && !deniedVariables.includes(name)) environment[name] = value;
  }
  return { ...environment, ...set };
};
