/** RQ's text form of a time, from milliseconds: UTC, six digits, `Z`. RQ: `utcformat`. */
export const toTimestamp = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

let lastMicros = Math.floor(Math.random() * 1_000);
/** The second that was written last, in milliseconds, and its text up to the point: to write a date costs more than to encode a job. */
let lastSecondMs = Number.NaN;
let lastSecond = '';

/**
 * Now, as text that no other call of this process gives: its last three digits count. Two requests of the
 * same millisecond must not look like one that was repeated.
 */
export const distinctTimestamp = (): string => {
  lastMicros = (lastMicros + 1) % 1_000;
  const nowMs = Date.now();
  const secondMs = Math.floor(nowMs / 1_000) * 1_000;
  if (secondMs !== lastSecondMs) {
    lastSecondMs = secondMs;
    lastSecond = new Date(secondMs).toISOString().slice(0, -'000Z'.length);
  }
  return `${lastSecond}${String((nowMs - secondMs) * 1_000 + lastMicros).padStart(6, '0')}Z`;
};

/** Reads RQ's text form (0 to 6 digits); `null` for nothing, `''` or what RQ could not read either. */
export const fromTimestamp = (text: string | undefined): Date | null => {
  if (!text || text.length > 40) return null;
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?Z$/.exec(text);
  if (!match) return null;
  const date = new Date(`${match[1]}${(match[2] ?? '.0').padEnd(4, '0').slice(0, 4)}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
};
