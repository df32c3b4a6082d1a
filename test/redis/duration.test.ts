import { expect, it } from '@jest/globals';
import { durationOption, secondsOf } from '../../src/redis/duration.js';
import { InvalidOptionError } from '../../src/redis/errors.js';
import { fieldsOf, type JobOptions } from '../../src/redis/job-options.js';
import { describeWithPython, python } from '../support/python.js';

const forever = { least: 1, forever: true } as const;

it.each([
  [90, 90],
  ['90', 90],
  ['30s', 30],
  ['5m', 300],
  ['1h', 3_600],
  ['2D', 172_800],
  [-1, -1],
  ['-1', -1],
])('takes %j for %i seconds', (given, seconds) => {
  expect(secondsOf('timeout', given, forever)).toBe(seconds);
});

it.each([
  0,
  '0s',
  1.5,
  '1.5',
  '1.5h',
  '1 h',
  '-1m',
  '-2',
  '',
  'h',
  '5w',
  '1e3',
  Number.NaN,
  1e13,
  null,
  true,
])('refuses %j, naming the option', (given) => {
  expect(() => secondsOf('retry.intervals', given, forever)).toThrow(InvalidOptionError);
  expect(() => secondsOf('retry.intervals', given, forever)).toThrow(/retry\.intervals: .*'1h'/);
});

it('has two spellings for each option, and takes one of them', () => {
  const rule = { least: 0 } as const;
  expect(durationOption({ delay: '1m' }, 'delay', rule)).toBe(60);
  expect(durationOption({ delaySeconds: 60 }, 'delay', rule)).toBe(60);
  expect(durationOption({}, 'delay', rule)).toBeUndefined();
  expect(() => durationOption({ delay: 1, delaySeconds: 1 }, 'delay', rule)).toThrow(
    'Invalid option delay: it says the same as delaySeconds; give one',
  );
  expect(() => durationOption({ delaySeconds: '1m' }, 'delay', rule, 'retry.')).toThrow(
    /retry\.delaySeconds: it must be a number/,
  );
});

it('writes whole seconds for every option of a job, however they are given', () => {
  const written = (options: JobOptions) => fieldsOf(options);
  const texts = written({
    timeout: '5m',
    ttl: '2h',
    resultTtl: '0',
    failureTtl: -1,
    retry: { max: 2, intervals: ['10s', 60, '1m'] },
  });
  const numbers = written({
    timeoutSeconds: 300,
    ttlSeconds: 7_200,
    resultTtlSeconds: 0,
    failureTtlSeconds: -1,
    retry: { max: 2, intervalsSeconds: [10, 60, 60] },
  });
  expect(texts).toEqual(numbers);
  expect(texts.fields).toEqual([
    'timeout',
    300,
    'ttl',
    7_200,
    'result_ttl',
    0,
    'failure_ttl',
    -1,
    'retries_left',
    2,
    'retry_intervals',
    '[10,60,60]',
  ]);
  expect(written({ retry: { max: 1, intervals: '1m' } }).fields).toContain('[60]');
  expect(() => written({ timeout: '5m', timeoutSeconds: 300 })).toThrow(InvalidOptionError);
});

describeWithPython('Durations', ['2.12', '1.16'], (version) => {
  it('6: mean what they mean to RQ', async () => {
    const texts = ['90', '30s', '23m', '1h', '2D', '-1'];
    const script =
      'import sys, json; from rq.utils import parse_timeout; print(json.dumps([parse_timeout(t) for t in sys.argv[1:]]))';
    const seconds = await python<number[]>(version, script, texts);
    expect(texts.map((text) => secondsOf('timeout', text, forever))).toEqual(seconds);
  });
});
