/** RQ's text form of a time, from milliseconds: UTC, six digits, `Z`. RQ: `utcformat`. */
export const toTimestamp = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

/** Reads RQ's text form (0 to 6 digits); `null` for nothing, `''` or what RQ could not read either. */
export const fromTimestamp = (text: string | undefined): Date | null => {
  if (!text || text.length > 40) return null;
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?Z$/.exec(text);
  if (!match) return null;
  const date = new Date(`${match[1]}${(match[2] ?? '.0').padEnd(4, '0').slice(0, 4)}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
};
