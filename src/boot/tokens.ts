import type { InjectionToken } from 'tsyringe';
import type { JobContext } from '../tasks.js';

/** The running job: in a container of a job only. */
export const CURRENT_JOB: InjectionToken<JobContext> = Symbol.for('rxrq.currentJob.token');

/** The job's AbortSignal: in a container of a job only. */
export const JOB_SIGNAL: InjectionToken<AbortSignal> = Symbol.for('rxrq.jobSignal.token');
