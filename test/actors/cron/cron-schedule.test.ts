import { describe, expect, it } from '@jest/globals';
import { asCroniter, CronSchedule } from '../../../src/actors/cron/cron-schedule.js';

/** The next instants, as UTC, from an instant on. */
const instants = (expression: string, timeZone: string, after: string, count: number): string[] => {
  const schedule = new CronSchedule(expression, timeZone);
  const found: string[] = [];
  let at: number | null = Date.parse(after);
  while (found.length < count) {
    at = schedule.next(at as number);
    if (at === null) break;
    found.push(new Date(at).toISOString().slice(5, 16));
  }
  return found;
};

describe('a cron schedule', () => {
  it('means a time in its zone', () => {
    expect(instants('30 9 * * MON-FRI', 'America/New_York', '2026-07-03T00:00:00Z', 3)).toEqual([
      '07-03T13:30',
      '07-06T13:30',
      '07-07T13:30',
    ]);
    const seconds = new CronSchedule('*/20 * * * * *', 'UTC');
    expect(seconds.next(Date.parse('2026-07-03T00:00:00.500Z'))).toBe(
      Date.parse('2026-07-03T00:00:20Z'),
    );
    expect(seconds.next(Date.parse('2026-07-03T00:00:20Z'))).toBe(
      Date.parse('2026-07-03T00:00:40Z'),
    );
  });

  it('comes an hour later when its time is skipped, and once when it comes twice', () => {
    expect(instants('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '03-29T01:30', // 03:30 summer time
      '03-30T00:30',
    ]);
    expect(instants('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '10-25T00:30', // the first 02:30
      '10-26T01:30',
    ]);
    expect(instants('*/30 1-3 * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z', 6)).toEqual([
      '10-24T23:30',
      '10-25T00:00',
      '10-25T00:30',
      '10-25T02:00', // 03:00 winter time
      '10-25T02:30',
      '10-26T00:00',
    ]);
  });

  it.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC'])(
    'of every quarter of an hour never pauses in %s, through both changes of the clocks',
    (timeZone) => {
      const schedule = new CronSchedule('*/15 * * * *', timeZone);
      for (const day of [
        '2026-03-07',
        '2026-03-28',
        '2026-04-04',
        '2026-10-03',
        '2026-10-24',
        '2026-10-31',
      ]) {
        let at = Date.parse(`${day}T00:00:00Z`);
        for (let step = 0; step < 200; step += 1) {
          const next = schedule.next(at);
          expect(next).toBe(at + 900_000);
          at = next as number;
        }
      }
    },
  );

  it('of every few hours keeps to the hours of the zone', () => {
    expect(instants('0 */6 * * *', 'Europe/Berlin', '2026-10-24T15:00:00Z', 4)).toEqual([
      '10-24T16:00',
      '10-24T22:00',
      '10-25T05:00',
      '10-25T11:00',
    ]);
  });

  it.each([
    ['* * * *', 'five fields'],
    ['* * * * * * 2027', 'five fields'],
    ['2026-01-01T00:00:00', 'five fields'],
    ['@reboot', 'five fields'],
    ['60 * * * *', '60'],
    ['5/5 * * * *', '5/5'],
    ['0 0 LW * *', 'LW'],
    ['0 0 * * FRI#L', 'FRI#L'],
    ['0 0 15W * MON', 'beside L, W or #'],
    ['0 0 30 2 *', 'never'],
    ['0 0 30 2 * ; x', 'five fields'],
  ])('refuses %s', (expression, reason) => {
    expect(() => new CronSchedule(expression, 'UTC')).toThrow(reason);
  });

  it('refuses what is no time zone', () => {
    expect(() => new CronSchedule('* * * * *', 'Mars/Base')).toThrow('"Mars/Base" is no time zone');
  });

  it('has its seconds last where Python reads it', () => {
    expect(asCroniter('*/5 1 2 3 4 5')).toBe('1 2 3 4 5 */5');
    expect(asCroniter(' 1  2 3 4 5')).toBe('1 2 3 4 5');
    expect(asCroniter('@daily')).toBe('@daily');
  });
});
