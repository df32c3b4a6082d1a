import { python } from '../../support/python.js';
import { asUser } from '../../support/users.js';
import type { Nemesis } from '../nemesis.js';
import { mixed, queues } from '../world.js';

const clean = `
import json, os, sys, redis
from rq import Queue
from rq.registry import clean_registries
from rq.serializers import JSONSerializer
connection = redis.Redis.from_url(sys.argv[1])
for name in sys.argv[2:]:
    queue = Queue(name, connection=connection, serializer=JSONSerializer)
    clean_registries(queue)
    queue.started_job_registry.count, queue.finished_job_registry.count
print(json.dumps(True))
`;

/** There is nothing to do where Python takes no part. */
export const ofPython: readonly Nemesis[] = [
  {
    name: 'kill a worker of Python',
    faults: 'F94, F99',
    weight: 2,
    strike: async ({ snake }, dice) => snake?.kill(dice.roll() < 0.5 ? 'worker' : 'both'),
  },
  {
    name: 'let Python clean up',
    faults: 'F74, F97',
    weight: 1,
    strike: async ({ snake, scene }) =>
      snake && python('2.12', clean, [asUser(scene.server.url, 'python'), ...queues, mixed]),
  },
];
