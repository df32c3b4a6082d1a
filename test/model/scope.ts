/** How much may go wrong, or be decided, on one way through the model. */
export interface Budget {
  /** Lost replies, calls that the network holds up, deaths, pauses longer than a lease. */
  readonly faults: number;
  /** Outcomes that fail. */
  readonly fails: number;
  /** Jobs that a worker hands back. */
  readonly backs: number;
  readonly cancels: number;
  readonly requeues: number;
  /** Ids that somebody takes out of the queue by hand, which no promise survives. */
  readonly sabotages: number;
}

/** What is explored: everything that these may do, in every order. */
export interface Scope {
  readonly name: string;
  readonly workers: number;
  readonly jobs: ReadonlyArray<{ readonly id: string; readonly retries: number | null }>;
  /** Jobs that one worker may have at a time. */
  readonly capacity: number;
  /** Whether workers claim ahead, and tell of the begin later. */
  readonly holds: boolean;
  /** Whether idle workers wait by a blocking pop. */
  readonly pops: boolean;
  /** Whether workers renew their leases also before these are over. */
  readonly beats: boolean;
  readonly budget: Budget;
}

const two = [
  { id: 'a', retries: null },
  { id: 'b', retries: 1 },
] as const;
const none: Budget = { faults: 0, fails: 0, backs: 0, cancels: 0, requeues: 0, sabotages: 0 };

const scope = (name: string, more: Partial<Scope>): Scope => ({
  name,
  workers: 2,
  jobs: two,
  capacity: 1,
  holds: false,
  pops: false,
  beats: false,
  budget: none,
  ...more,
});

const one = two.slice(0, 1);

/** What `npm test` explores. */
export const smallScopes: readonly Scope[] = [
  scope('a job and a fault', { jobs: one, holds: true, budget: { ...none, faults: 1, backs: 1 } }),
  scope('two jobs and a fault', { budget: { ...none, faults: 1 } }),
  scope('a job and two faults', { jobs: one, budget: { ...none, faults: 2 } }),
];

/** What `npm run model` explores besides. */
export const largeScopes: readonly Scope[] = [
  scope('a job, a fault and operators', {
    jobs: one,
    holds: true,
    budget: { ...none, faults: 1, fails: 1, backs: 1, cancels: 1, requeues: 1 },
  }),
  scope('a job, a fault and a blocking pop', {
    jobs: one,
    pops: true,
    beats: true,
    holds: true,
    budget: { ...none, faults: 1 },
  }),
  scope('two jobs, a fault and failures', {
    budget: { ...none, faults: 1, fails: 2, requeues: 1 },
  }),
  scope('two jobs, a fault and room for both', {
    capacity: 2,
    holds: true,
    budget: { ...none, faults: 1 },
  }),
  scope('two jobs and two faults', { budget: { ...none, faults: 2 } }),
  scope('a held job and two faults', { jobs: one, holds: true, budget: { ...none, faults: 2 } }),
];

/** Somebody takes an id out of the queue: to be found out. */
export const sabotagedScope: Scope = scope('sabotage', {
  workers: 1,
  jobs: two.slice(0, 1),
  budget: { ...none, sabotages: 1 },
});
