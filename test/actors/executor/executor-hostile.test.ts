import { afterEach, describe, expect, it } from '@jest/globals';
import { endAll, isAlive, job, rss, startChild, until } from './support/lab.js';

afterEach(endAll);

const mebibyte = 1024 * 1024;

describe('a child that dies', () => {
  it.each([
    ['exits', [0], { exitCode: 0, signal: null }, 'it exited 0 before it answered'],
    ['exits', [3], { exitCode: 3, signal: null }, 'it exited 3 before it answered'],
    ['killsItself', [], { exitCode: null, signal: 'SIGKILL' }, 'it was ended by SIGKILL'],
    ['aborts', [], { exitCode: null, signal: 'SIGABRT' }, 'it was ended by SIGABRT'],
  ])('%s%j is an outcome', async (name, args, how, detail) => {
    const { outcome, ledger } = await startChild();
    const died = await outcome(name, args);
    expect(died).toMatchObject({ kind: 'died', ...how });
    expect(died.detail).toContain(detail);
    await until('it has left', () => ledger.exits.length === 1);
    expect(ledger.exits[0]).toMatchObject({ ...how, isClean: false });
  });

  it('says so when it reached the heap limit', async () => {
    const { outcome } = await startChild({ execArgv: ['--max-old-space-size=24'] });
    const died = await outcome('leaks');
    expect(died).toMatchObject({ kind: 'died' });
    expect(died.detail).toContain('out of memory');
  });

  it('is killed over the limit of resident memory', async () => {
    const { outcome } = await startChild({ maxRssBytes: 150 * mebibyte });
    const died = await outcome('growsOutsideTheHeap');
    expect(died).toMatchObject({ kind: 'died', signal: 'SIGKILL' });
    expect(died.detail).toMatch(/out of memory: \d+ bytes resident, the limit is 157286400/);
  });

  it('takes its grandchildren along', async () => {
    const { run, ledger, pid } = await startChild();
    const end = run(job('spawnsGrandchild'));
    await until('the grandchild is told', () => ledger.notes.length > 0);
    const grandchild = Number(ledger.notes[0]?.note.progress);
    expect(isAlive(grandchild)).toBe(true);
    process.kill(pid, 'SIGKILL');
    expect((await end).outcome).toMatchObject({ kind: 'died', signal: 'SIGKILL' });
    await until('no descendants', () => !isAlive(grandchild), 2_000);
  });
});

describe('after the answer', () => {
  it.each([1, 900_000])('a result of %i bytes counts though the process exits', async (bytes) => {
    for (let round = 0; round < 3; round += 1) {
      const { outcome } = await startChild();
      const { kind, result } = await outcome('returnsThenExits', [bytes]);
      expect(kind).toBe('returned');
      expect(result.length).toBe(bytes + 2);
    }
  });

  it('counts too with 20 MB', async () => {
    const { outcome } = await startChild({ maxResultBytes: 32 * mebibyte });
    expect((await outcome('returnsThenExits', [20 * mebibyte])).result.length).toBe(20971522);
  });

  it('a late throw does not change it; the child leaves and what it had not begun goes back', async () => {
    const { executor, ledger, pid } = await startChild();
    const jobs = [job('returnsThenThrows'), job('wait', [150]), job('noop')];
    executor.run(jobs);
    await until('all ended', () => ledger.ended.length === 3);
    const kindOf = (given: unknown) =>
      ledger.ended.find((ended) => ended.job === given)?.outcome.kind;
    expect(jobs.map(kindOf)).toEqual(['returned', 'returned', 'notBegun']);
    expect(ledger.leaving).toEqual([expect.stringContaining('Error: too late')]);
    await until('gone', () => !isAlive(pid));
    await until('it has left', () => ledger.exits.length === 1);
    expect(ledger.exits[0]).toMatchObject({ isClean: true });
  });

  it('a rejection that nobody looks at ends its job at once', async () => {
    const { outcome, ledger } = await startChild();
    expect(await outcome('rejectsUnseen')).toMatchObject({
      kind: 'threw',
      error: { message: 'nobody looked' },
    });
    await until('it has left', () => ledger.exits.length === 1);
  });
});

describe('a child that lies', () => {
  const lies: [string, string, unknown[], RegExp][] = [
    ['garbage', 'writesToControl', ['hello\n'], /a frame of \d+ bytes, more than/],
    ['JSON', 'writesToControl', ['{"kind":"report"}\n'], /broke the protocol/],
    ['a forged outcome', 'forgesFrame', ['{"kind":"report"}'], /no frame of ours/],
    ['an oversize frame', 'promisesLongFrame', [2 ** 30, 10], /a frame of 1073741824 bytes/],
    ['a closed channel', 'closesControl', [], /closed its control channel/],
  ];
  it.each(lies)('%s: it is killed, its job died', async (_, name, args, detail) => {
    const { outcome, pid } = await startChild();
    const died = await outcome(name, args);
    expect(died).toMatchObject({ kind: 'died' });
    expect(died.detail).toMatch(detail);
    await until('gone', () => !isAlive(pid));
  });

  it('sends 300 MB without the end of a frame, and the parent stays small', async () => {
    const { outcome } = await startChild();
    const before = rss('self');
    const died = await outcome('promisesLongFrame', [2 * mebibyte, mebibyte], { timeoutMs: 2_000 });
    expect(died.kind).toBe('died');
    const flood = await startChild();
    expect((await flood.outcome('writesToControl', ['z'.repeat(mebibyte), 300])).kind).toBe('died');
    expect(rss('self') - before).toBeLessThan(50 * mebibyte);
  });
});

describe('results that cannot be', () => {
  it('refuses one that is too large in the child, naming both sizes', async () => {
    const { outcome, pid } = await startChild();
    const before = rss('self');
    const refused = await outcome('bigResult', [100_000_000]);
    expect(refused).toMatchObject({ kind: 'threw', retryable: false });
    expect(refused.error.name).toBe('ResultTooLargeError');
    expect(refused.error.message).toContain('100000002 bytes, more than the limit of 1048576');
    expect(rss('self') - before).toBeLessThan(50 * mebibyte);
    expect(isAlive(pid)).toBe(true);
  });

  it.each([
    ['function', /result\.list\[1\]\.callback/],
    ['symbol', /result\.list\[0\]/],
    ['cycle', /result\.inner\.back/],
    ['deep', /result\[0\]/],
  ])('refuses a %s, naming its path', async (kind, path) => {
    const { outcome } = await startChild();
    const refused = await outcome('unserializable', [kind]);
    expect(refused).toMatchObject({ kind: 'threw', retryable: false });
    expect(refused.error).toMatchObject({ name: 'UnserializableResultError' });
    expect(refused.error.message).toMatch(path);
  });
});

describe('floods', () => {
  it('thins progress and counts the log lines it drops', async () => {
    const { outcome, ledger } = await startChild();
    expect(await outcome('floods', [400_000])).toMatchObject({ kind: 'returned' });
    const lines = ledger.notes.flatMap(({ note }) => note.log ?? []).length;
    const dropped = ledger.notes.reduce((sum, { note }) => sum + (note.dropped ?? 0), 0);
    expect(lines + dropped).toBe(400_000);
    expect(lines).toBeLessThan(20_000);
    expect(ledger.notes.length).toBeLessThan(400);
  });

  it('reads all that is printed and passes on a part, with a marker', async () => {
    const { outcome, ledger } = await startChild({ maxOutputPerJob: 1000 });
    const before = rss('self');
    expect(await outcome('prints', [50])).toMatchObject({ kind: 'returned' });
    expect(ledger.output.length).toBeLessThan(1100);
    expect(ledger.output).toContain('output over 1000 characters is dropped');
    expect(rss('self') - before).toBeLessThan(50 * mebibyte);
  });
});

describe('what a handler sees', () => {
  it('has no Redis URL, no IPC and no Node options', async () => {
    Object.assign(process.env, {
      REDIS_URL: 'redis://:S3cr3t@h',
      RQ_REDIS_URL: 'redis://:S3cr3t@h',
      NODE_OPTIONS: process.env.NODE_OPTIONS ?? '',
    });
    const { outcome } = await startChild({ environment: { set: { FROM_US: 'yes' } } });
    const text = (await outcome('surroundings')).result.toString();
    const seen = JSON.parse(text);
    expect(text).not.toContain('S3cr3t');
    expect(seen.env).toMatchObject({ FROM_US: 'yes', PATH: process.env.PATH });
    for (const name of ['REDIS_URL', 'NODE_OPTIONS', 'NODE_CHANNEL_FD']) {
      expect(seen.env).not.toHaveProperty(name);
    }
    expect(seen).toMatchObject({ hasSend: false });
  });

  it('has nothing by which RQ or rxrq are told where Redis is, and all else', async () => {
    const told = [
      'RXRQ_URL',
      'RXRQ_PASSWORD',
      'RXRQ_SENTINEL_PASSWORD',
      'REDIS_PASSWORD',
      'RQ_CONFIG',
    ];
    for (const name of told) process.env[name] = 'S3cr3t';
    process.env.MY_REDIS_HINT = 'mine';
    try {
      const { outcome } = await startChild({ environment: { set: { RXRQ_HOST: 'on purpose' } } });
      const { env } = JSON.parse((await outcome('surroundings')).result.toString());
      expect(Object.values(env)).not.toContain('S3cr3t');
      expect(env).toMatchObject({ MY_REDIS_HINT: 'mine', RXRQ_HOST: 'on purpose' });
    } finally {
      for (const name of [...told, 'MY_REDIS_HINT']) delete process.env[name];
    }
  });

  it('can be an explicit list of variables', async () => {
    const { outcome } = await startChild({
      environment: { inherit: ['PATH', 'REDIS_URL', 'constructor'] },
    });
    const seen = JSON.parse((await outcome('surroundings')).result.toString());
    expect(Object.keys(seen.env)).toEqual(['PATH']);
  });

  it.each([
    'constructor',
    '__proto__',
    'toString',
    'jobs.add.constructor',
    'jobs.__proto__',
    '../../x',
    'data:text/javascript,process.exit()',
    'node:child_process',
    'file:///etc/passwd',
    'fs.unlinkSync',
  ])('runs nothing for the name %s', async (functionName) => {
    const { run } = await startChild();
    const given = job('x.y');
    const data = Buffer.from(JSON.stringify([functionName, null, ['return 6*7'], {}]));
    expect((await run({ ...given, data })).outcome).toEqual({
      kind: 'unknownHandler',
      functionName,
    });
  });
});
