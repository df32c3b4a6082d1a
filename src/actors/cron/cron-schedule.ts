import { Cron } from 'croner';

const nicknames = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/i;
const value =
  '(\\d{1,2}|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)';
const part = `(\\*|${value}(-${value})?)(/\\d{1,2})?`;
const plain = new RegExp(`^${part}(,${part})*$`, 'i');
/** The last day of the month, the working day next to the 15th, the second Monday. */
const special = /^(L|\d{1,2}W|([a-z]{3}|\d)#[1-5])$/i;
const hourMs = 3_600_000;

/** Only what croniter reads as well: what it cannot parse would make Python's listing of all cron processes fail. */
const syntaxErrorOf = (expression: string): string | null => {
  if (nicknames.test(expression)) return null;
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6)
    return 'it must have five fields, or six with the seconds first, or be one such as @daily';
  const odd = fields.find((field) => !plain.test(field) && !special.test(field) && field !== '?');
  if (odd !== undefined) return `${JSON.stringify(odd.slice(0, 40))} is not understood`;
  const days = [fields.at(-3), fields.at(-1)] as [string, string];
  if (days.some((day) => special.test(day)) && !days.some((day) => day === '*' || day === '?'))
    return 'beside L, W or # the other field of days must be *';
  return null;
};

/**
 * A cron expression in a time zone: which instants it means. croner reads the expression and knows the calendar.
 *
 * When the clocks go forward, a time that does not exist comes an hour later. When they go back, a time that exists
 * twice counts once, the first time, unless the hour field is a `*`: such an entry goes by elapsed time and runs in
 * both hours, as Vixie cron has it. croner alone would keep silent for an hour.
 */
export class CronSchedule {
  private readonly cron: Cron;
  private readonly everyHour: boolean;
  private readonly atOffset = new Map<number, Cron>();
  private readonly zone: Intl.DateTimeFormat;

  /** @throws RangeError that says what is wrong with the expression or the time zone */
  constructor(
    readonly expression: string,
    readonly timeZone: string,
  ) {
    const wrong = syntaxErrorOf(expression);
    if (wrong !== null) throw new RangeError(wrong);
    this.zone = zoneOf(timeZone);
    try {
      this.cron = new Cron(expression, { paused: true, timezone: timeZone });
    } catch (error) {
      throw new RangeError(message(error), { cause: error });
    }
    const fields = expression.trim().split(/\s+/);
    this.everyHour = /^@hourly$/i.test(expression) || (fields.at(-4)?.startsWith('*') ?? false);
    if (this.cron.nextRun(new Date()) === null) throw new RangeError('it never comes');
  }

  /** The first instant after that one, in milliseconds since the epoch; `null` when there is none. */
  next(afterMs: number): number | null {
    return this.everyHour ? this.nextByOffset(afterMs) : this.byZone(afterMs);
  }

  private byZone(afterMs: number): number | null {
    return this.cron.nextRun(new Date(afterMs))?.getTime() ?? null;
  }

  // Of the zone's offsets around `afterMs`, each gives the instants at which the wall clock, with that offset, shows
  // what the expression asks for; those at which the zone really has it are meant.
  private nextByOffset(afterMs: number): number | null {
    const offset = this.offset(afterMs);
    const first = this.atFixedOffset(offset, afterMs);
    if (first === null || this.offset(first) === offset) return first;
    const other = this.offset(first);
    let next = this.atFixedOffset(other, afterMs);
    // Matches between `afterMs` and the change of the clocks: few, since the old offset had none there.
    while (next !== null && next < first + 3 * hourMs && this.offset(next) !== other)
      next = this.atFixedOffset(other, next);
    return next;
  }

  private atFixedOffset(offsetMinutes: number, afterMs: number): number | null {
    let cron = this.atOffset.get(offsetMinutes);
    if (!cron) {
      cron = new Cron(this.expression, { paused: true, utcOffset: offsetMinutes });
      this.atOffset.set(offsetMinutes, cron);
    }
    return cron.nextRun(new Date(afterMs))?.getTime() ?? null;
  }

  private offset(ms: number): number {
    const name = this.zone.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value;
    const match = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(name ?? '');
    const minutes = Number(match?.[2] ?? 0) * 60 + Number(match?.[3] ?? 0);
    return match?.[1] === '-' ? -minutes : minutes;
  }
}

const zoneOf = (timeZone: string): Intl.DateTimeFormat => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch (error) {
    throw new RangeError(`${JSON.stringify(String(timeZone).slice(0, 40))} is no time zone`, {
      cause: error,
    });
  }
};

const message = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, '');

/** The expression as RQ's tools read it: with the seconds last. */
export const asCroniter = (expression: string): string => {
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== 6) return fields.join(' ');
  const [second, ...others] = fields;
  return [...others, second].join(' ');
};
