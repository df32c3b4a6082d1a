import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPrivateRedis } from '../support/redis.js';
import { type Exploration, explore } from './explorer.js';
import { largeScopes, sabotagedScope, smallScopes } from './scope.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;

beforeAll(async () => {
  server = await startPrivateRedis();
});
afterAll(() => server.stop());

/** The scopes that `npm run model` asks for: `all`, or one by its name. It is told of each, and of the way there. */
const asked = process.env.RXRQ_MODEL;
const scopes = asked
  ? [...smallScopes, ...largeScopes].filter(({ name }) => asked === 'all' || name === asked)
  : smallScopes;
if (scopes.length === 0) {
  const names = [...smallScopes, ...largeScopes].map(({ name }) => name).join('; ');
  throw new Error(`There is no scope ${asked}; there are ${names}`);
}

const tell = ({ scope, states, transitions, depth, atRest, seconds }: Exploration): void => {
  if (!asked) return;
  const counts = `${states} states, ${transitions} transitions, ${atRest} at rest`;
  process.stderr.write(`  ${scope}: depth ${depth}, ${counts}, ${seconds.toFixed(1)} s\n`);
};

describe('every way', () => {
  it.each(scopes.map((scope) => [scope.name, scope] as const))(
    'holds with %s',
    async (_, scope) => {
      const exploration = await explore(scope, server.url, tell);
      expect(exploration.atRest).toBeGreaterThan(0);
    },
    asked ? 24 * 3_600_000 : 300_000,
  );

  it('is judged: what breaks a promise is found, and told step by step', async () => {
    await expect(explore(sabotagedScope, server.url)).rejects.toThrow(
      [
        'job a, status queued: not in exactly one place; waiting 0, in flight 0, leases 0',
        '   1  a is enqueued',
        '   2  somebody takes a out of the queue',
      ].join('\n'),
    );
  });
});
