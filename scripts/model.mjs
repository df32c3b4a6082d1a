// @ts-check
import { parseArgs } from 'node:util';

// `npm run model`: the transitions of Lua under everything that two workers, a janitor, producers, operators and a bad
// network may do, in every order, within the scopes of test/model/scope.ts. `-- --only NAME` explores one of them.
const { values } = parseArgs({ options: { only: { type: 'string', default: 'all' } } });
process.env.RXRQ_MODEL = values.only;
process.argv = [...process.argv.slice(0, 2), 'test/model'];
await import('./test.mjs');
