// Run through `npm test -- <pattern>`, or directly with
// `node --experimental-vm-modules node_modules/jest/bin/jest.js <pattern>` after a build.
// Not with NODE_OPTIONS, when it can be avoided: every Node that a test starts would inherit it.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // Ends what hangs, and says nothing about speed: forks and fault tests run beside each other on a small machine.
  testTimeout: 60_000,
  maxWorkers: 2,
  reporters: [
    'default',
    '<rootDir>/test/interop/cases/matrix-reporter.mjs',
    '<rootDir>/test/faults/matrix-reporter.mjs',
  ],
  extensionsToTreatAsEsm: ['.ts'],
  resolver: '<rootDir>/test/support/resolve-source.cjs',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
};
