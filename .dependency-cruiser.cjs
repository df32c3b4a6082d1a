// The floors, checked: redis = what is written, streams = what flows, actors = who decides; imports
// only go down. `npm run deps` cruises src by these rules, and once more, in the compiled files,
// whatever is reachable from the executor child and the task definitions.
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/|^(${names.join('|')})(/|$)`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one idea, or miss a third below them.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'redis-is-the-ground',
      comment: 'What is written knows nothing of what flows or who decides.',
      severity: 'error',
      from: { path: '^src/redis/' },
      to: { path: '^src/(streams|actors|boot|cli)(/|\\.ts$)' },
    },
    {
      name: 'streams-below-actors',
      comment: 'What flows knows nothing of who decides.',
      severity: 'error',
      from: { path: '^src/streams/' },
      to: { path: '^src/(actors|boot|cli)(/|\\.ts$)' },
    },
    {
      name: 'nothing-below-imports-the-roof',
      comment:
        'boot, cli and index tie the floors together; a floor that needs them is upside down.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(boot|cli)(/|\\.ts$)|^src/index\\.ts$' },
      to: { path: '^src/(boot|cli)(/|\\.ts$)|^src/index\\.ts$' },
    },
    {
      name: 'cli-is-the-top',
      comment: 'Only processes start at the command line; who boots from code must not load it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli(/|\\.ts$)' },
      to: { path: '^src/cli(/|\\.ts$)' },
    },
    {
      name: 'rx-starts-at-streams',
      comment: 'A command is a promise: no rxjs on the ground floor.',
      severity: 'error',
      from: { path: '^src/redis/' },
      to: { path: npm('rxjs') },
    },
    {
      name: 'container-only-in-boot',
      comment: 'Every class has a plain constructor; the container is known to boot alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/boot(/|\\.ts$)' },
      to: { path: npm('tsyringe', 'reflect-metadata') },
    },
    {
      name: 'light-start',
      comment:
        'Reached from the executor child or the task definitions: each of these adds up to 100 ms ' +
        'to the start of every executor. The path from the entry is `npx depcruise dist --reaches`.',
      severity: 'error',
      from: { path: '^dist/' },
      to: { path: npm('ioredis', 'rxjs', 'tsyringe', 'reflect-metadata', 'zod', 'commander') },
    },
    {
      name: 'no-orphans',
      comment: 'Nobody imports it and it imports nobody: it is forgotten.',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'only-declared-packages',
      comment: 'Whoever installs the package gets its dependencies, and no others.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: [
          'unknown',
          'undetermined',
          'npm-no-pkg',
          'npm-unknown',
          'npm-dev',
          'npm-optional',
        ],
      },
    },
    {
      name: 'no-unresolvable',
      comment: 'There is no such file or package.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Types count: a floor that knows a type of the floor above knows the floor above.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
