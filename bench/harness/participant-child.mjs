// Entry of a participant's process: answers the calls of harness/participant.mjs.
import { loadAdapter } from '../adapters/index.mjs';

const [library, roleName] = process.argv.slice(2);
const { play } = await import(`../roles/${roleName}.mjs`);
const role = play(await loadAdapter(library));

process.on('message', async ({ id, name, params }) => {
  try {
    process.send({ id, result: await role[name](params) });
  } catch (error) {
    process.send({ id, error: error.stack ?? String(error) });
  }
});
process.on('disconnect', () => process.exit());
