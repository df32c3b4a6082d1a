import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython } from '../../support/python.js';
import { TwoSides } from '../two-sides.js';

describeWithPython('cases 21 to 37, what the other files leave', ['2.12'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  it('31: puts a retry to the front when the job asks for it', async () => {
    const { python, redis } = sides;
    const ids = await python.run<string[]>(`
q = queue('front')
retry = {'end': Retry(max=1), 'front': Retry(max=1, enqueue_at_front=True)}
return [q.enqueue('nodejobs.flaky', 2, retry=retry[where]).id for where in ['end', 'front']]`);
    const last = await sides.rq.queue('front').enqueue('nodejobs.nothing');
    // One at a time: the first and the second fail once, and only the second comes back at once.
    await sides.burst('front', { isolation: 'inline', concurrency: 1, prefetch: 0, maxJobs: 3 });
    expect(await redis.lrange('rq:queue:front', 0, -1)).toEqual([last.id, ids[0]]);
    await sides.burst('front', { isolation: 'inline' });
    const values = 'return [fetch(id).return_value() for id in ids]';
    expect(await python.run(values, { ids })).toEqual([2, 2]);
  });
});
