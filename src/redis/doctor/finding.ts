/** From good to bad. */
export const levels = ['ok', 'note', 'warning', 'problem'] as const;
export type Level = (typeof levels)[number];

/** What a doctor says about one thing. */
export interface Diagnosis {
  /** What was looked at. The names are stable: scripts and alarms may hold on to them. */
  check: string;
  level: Level;
  /** What was found. */
  what: string;
  /** Why it matters; empty when all is well. */
  why: string;
  /** What to do about it; empty when there is nothing to do. */
  remedy: string;
}

/** The worst level among them; `ok` when there are none. */
export const worstLevel = (diagnoses: readonly Diagnosis[]): Level =>
  levels[Math.max(0, ...diagnoses.map(({ level }) => levels.indexOf(level)))] as Level;

/** For a check that may find one thing or another of what it looked at. */
export const saying =
  (check: string, what: string) =>
  (level: Level, why: string, remedy: string): Diagnosis => ({ check, level, what, why, remedy });

/** All is well with it. */
export const fine = (check: string, what: string): Diagnosis => ({
  check,
  level: 'ok',
  what,
  why: '',
  remedy: '',
});
