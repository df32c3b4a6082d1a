// A worker that is configured by a container: its handlers are classes whose dependencies are injected,
// in the forked executors as well.
import { bootWorker, Rq } from 'rxrq';

const rq = new Rq();
const queue = rq.queue('example-injection');
const worker = await bootWorker({
  queues: [queue.name],
  handlers: new URL('./handlers/greeter.ts', import.meta.url),
  container: new URL('./handlers/greeter-container.ts', import.meta.url),
});
console.log('handlers:', worker.handlers.join(', '));

for (const name of ['Ada', 'Grace']) {
  const job = await queue.enqueue<[string], string>('Greeter.greet', name);
  console.log(await job.result({ timeoutMs: 10_000 }));
}

await worker.stop();
await rq.close();
