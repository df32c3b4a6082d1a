import { describe, expect, it } from '@jest/globals';
import { type CronEntry, defineCron, isCronEntries } from '../../../src/actors/cron/cron-entry.js';
import { planCron } from '../../../src/actors/cron/cron-plan.js';
import { defineTasks } from '../../../src/tasks.js';

const tasks = defineTasks('reports', {
  build: (kind: string, year?: number) => `${kind} ${year}`,
  sweep: () => 1,
});

describe('defineCron', () => {
  it('knows the arguments of each task', () => {
    const list = defineCron([
      { task: tasks.build, args: ['daily', 2026], cron: '0 3 * * *' },
      { task: tasks.sweep, intervalSeconds: 30 },
      { task: 'other.code', args: [1, { any: 'thing' }], intervalSeconds: 30 },
      // @ts-expect-error of a wrong type
      { task: tasks.build, args: [1], intervalSeconds: 30 },
      // @ts-expect-error missing
      { task: tasks.build, intervalSeconds: 30 },
      // @ts-expect-error too many
      { task: tasks.sweep, args: [1], intervalSeconds: 30 },
    ]);
    expect(isCronEntries(list)).toBe(true);
    expect(isCronEntries({ entries: [] })).toBe(false);
    expect(list.entries).toHaveLength(6);
  });
});

describe('an entry', () => {
  it('has defaults for all but what and when', () => {
    const [plan] = planCron([{ task: tasks.sweep, cron: '@daily' }]);
    expect(plan).toMatchObject({
      name: 'reports.sweep',
      queue: 'default',
      functionName: 'reports.sweep',
      args: [],
      when: { schedule: { expression: '@daily', timeZone: 'UTC' }, catchUpMs: 0 },
    });
    expect(plan?.newJob().id).not.toBe(plan?.newJob().id);
  });

  const base = { task: 'a.b' };
  it.each<[string, object]>([
    ['cron: there must be either cron or intervalSeconds', {}],
    ['cron: there must be either cron or intervalSeconds', { cron: '@daily', intervalSeconds: 1 }],
    ['intervalSeconds: it must be whole seconds, from 1', { intervalSeconds: 0 }],
    ['intervalSeconds: it must be whole seconds, from 1', { intervalSeconds: 1.5 }],
    ['catchUpSeconds: it must be whole seconds, from 0', { cron: '@daily', catchUpSeconds: -1 }],
    ['catchUpSeconds: it belongs to cron', { intervalSeconds: 1, catchUpSeconds: 1 }],
    ['timeZone: it belongs to cron', { intervalSeconds: 1, timeZone: 'UTC' }],
    ['timeZone: "Nowhere" is no time zone', { cron: '@daily', timeZone: 'Nowhere' }],
    ['cron: Invalid value for minute: 99', { cron: '99 * * * *' }],
    ['queue: Invalid queue name', { intervalSeconds: 1, queue: 'failed' }],
    ['every: it is none of task, args', { intervalSeconds: 1, every: 5 }],
    [
      'options.jobId: each tick makes a job of its own',
      { intervalSeconds: 1, options: { jobId: 'x' } },
    ],
    [
      'options or args: Invalid option ttlSeconds',
      { intervalSeconds: 1, options: { ttlSeconds: 0 } },
    ],
    ['args: it must be a list', { intervalSeconds: 1, args: 'x' }],
    ['task: it must be a task', { intervalSeconds: 1, task: 7 }],
    ['name: it must be 1 to 200 characters', { intervalSeconds: 1, name: '' }],
  ])('is refused by name and field: %s', (message, more) => {
    const entries = [{ task: 'fine', intervalSeconds: 1 }, { ...base, ...more } as CronEntry];
    expect(() => planCron(entries as CronEntry[])).toThrow(`, ${message}`);
    expect(() => planCron(entries as CronEntry[])).toThrow(/^Cron entry 1 \(/);
  });

  it('shares its name with no other entry of its queue', () => {
    const entry = { task: 'a.b', intervalSeconds: 1 };
    expect(() => planCron([entry, { ...entry, queue: 'other' }])).not.toThrow();
    expect(() => planCron([entry, { ...entry, args: [1] }])).toThrow(
      'Cron entry 1 (a.b), name: entry 0 of queue default has it too',
    );
  });
});
