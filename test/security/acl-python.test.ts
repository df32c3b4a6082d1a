import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { describeWithPython, python, type RunningPython, startPython } from '../support/python.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { asUser, nobodyElse, refusalsOf, userArgs } from '../support/users.js';

/** What a program of Python asks of RQ, and of a worker with a scheduler. */
const program = `
import datetime, json, sys, time, redis
from rq import Queue, Retry, Worker
from rq.command import send_shutdown_command, send_stop_job_command
from rq.registry import clean_registries
from rq.serializers import JSONSerializer

def until(fact):
    end = time.time() + 20
    while not fact():
        if time.time() > end:
            raise Exception('it never came')
        time.sleep(0.02)

def ended(job):
    until(lambda: job.get_status(refresh=True) in ['finished', 'failed', 'stopped'])
    status = job.get_status()
    return getattr(status, 'value', status)

r = redis.Redis.from_url(sys.argv[1])
q = Queue('both', connection=r, serializer=JSONSerializer)
first = q.enqueue('operator.add', 1, 2, meta={'x': 1})
jobs = [
    first,
    q.enqueue('operator.add', 3, 4, depends_on=first),
    q.enqueue_in(datetime.timedelta(milliseconds=1), 'operator.add', 5, 6),
    *q.enqueue_many([Queue.prepare_data('operator.add', (7, 8), job_id='many')]),
]
doomed = q.enqueue('operator.truediv', 1, 0, retry=Retry(max=1))
told = [ended(job) for job in [*jobs, doomed]]
q.failed_job_registry.requeue(doomed)
told.append(ended(doomed))
long = q.enqueue('time.sleep', 60)
until(lambda: long.get_status(refresh=True) == 'started' and Worker.all(connection=r)[0].get_current_job_id())
send_stop_job_command(r, long.id, serializer=JSONSerializer)
told.append(ended(long))
later = q.enqueue_in(datetime.timedelta(hours=1), 'operator.add', 1, 1)
later.cancel()
later.delete()
send_shutdown_command(r, Worker.all(connection=r)[0].name)
until(lambda: not Worker.all(connection=r))
q.enqueue('operator.add', 1, 1)
q.compact()
q.empty()
clean_registries(q)
q.delete()
try:
    r.get('rxrq:events:both')
except redis.exceptions.NoPermissionError:
    told.append('ours is ours')
print(json.dumps(told))
`;

describeWithPython('a fleet of Python', ['2.12', '1.16', '1.13'], (version) => {
  let server: Awaited<ReturnType<typeof startPrivateRedis>>;
  let admin: Redis;
  let worker: RunningPython;
  beforeAll(async () => {
    server = await startPrivateRedis({ args: [...userArgs, ...nobodyElse] });
    admin = new Redis(asUser(server.url, 'harness'));
    const url = asUser(server.url, 'python');
    const args = ['-S', 'rq.serializers.JSONSerializer', '--with-scheduler', 'both'];
    worker = startPython(version, ['-m', 'rq.cli', 'worker', '--url', url, ...args]);
    await until('it is up', () => admin.scard('rq:workers'), { deadlineMs: 30_000 });
  }, 60_000);
  afterAll(async () => {
    await worker?.stop();
    admin?.disconnect();
    await server?.stop();
  });

  it('S27: needs no more than its role, and has nothing of what is ours alone', async () => {
    const told = await python(version, program, [asUser(server.url, 'python')]);
    const finished = Array(4).fill('finished');
    expect(told).toEqual([...finished, 'failed', 'failed', 'stopped', 'ours is ours']);
    expect(await refusalsOf(admin)).toEqual(['python: key rxrq:events:both (toplevel)']);
  }, 60_000);
});
