import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Rq } from '../../src/index.js';
import { TwoSides } from '../interop/two-sides.js';
import { describeWithPython } from '../support/python.js';

describeWithPython('an encrypted job', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterAll(() => sides?.part());

  it('S14: is bytes to Python: it lists the job, and cannot read what it carries', async () => {
    const encryption = { keys: { k1: randomBytes(32) }, current: 'k1' };
    const rq = new Rq({ url: sides.url, encryption });
    const job = await rq.queue('sealed').enqueueWith({ description: 'told' }, 'f', 'S3cr3t');
    const seen = await sides.python.run<[string[], string, string]>(`
job = fetch('${job.id}')
try:
    return [queue('sealed').job_ids, job.description, repr(job.args)]
except Exception as error:
    return [queue('sealed').job_ids, job.description, 'refused by ' + type(error).__name__]
`);
    expect(seen).toEqual([[job.id], 'told', expect.stringMatching(/^refused by /)]);
    await rq.close();
  });
});
