// Bull loads processors with require().
const handlers = import('./bench.mjs');

module.exports = async (job) => (await handlers).noop(job.data);
