// Jobs of one group, each with a handler to call when it went well and one for when it did not.
//   node examples/callbacks-and-groups.js
import { bootWorker, Rq } from 'rxrq';

const rq = new Rq();
const queue = rq.queue(`press-${process.pid}`);
const night = rq.group(`night-${process.pid}`);

const callbacks = {
  onSuccess: 'press.shelve',
  onFailure: { call: 'press.complain', timeout: '10s' },
};
const specs = ['Dune', 'Emma', ''].map((title) => ({
  name: 'press.print',
  args: [title],
  options: { ...callbacks, timeout: '1m', resultTtl: '10m' },
}));
const jobs = await night.enqueueMany(queue, specs);
console.log(`${await night.count()} jobs in the group`);

const handlers = new URL('./handlers/press.js', import.meta.url);
const worker = await bootWorker({ queues: [queue.name], handlers, burst: true });
await worker.done;

for (const job of jobs) {
  const { status, meta } = await job.fetch();
  console.log(`${status}: ${meta.shelf ?? meta.complaint}`);
}
const { finished, failed } = queue.registries;
console.log(`${await finished.count()} finished, ${await failed.count()} failed`);

console.log(`${await night.delete({ deleteJobs: true })} jobs are gone, and the group with them`);
await queue.delete();
await rq.close();
