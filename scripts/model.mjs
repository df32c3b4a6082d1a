// @ts-check
import { parseArgs } from 'node:util';

// `npm run model`: the transitions of Lua under everything that two workers, a janitor, producers, operators and a bad
// network may do, in every order, within the scopes of test/model/scope.ts. `-- --only NAME` explores one of them.
// Then, for some minutes, on random ways that no scope has room for: test/redis/model.test.ts.
const { values } = parseArgs({ options: { only: { type: 'string', default: 'all' } } });
process.env.RXRQ_MODEL = values.only;
process.env.RXRQ_WALK_SECONDS ??= '300';
const walk = values.only === 'all' ? ['test/redis/model.test.ts'] : [];
process.argv = [...process.argv.slice(0, 2), 'test/model', ...walk];
await import('./test.mjs');
