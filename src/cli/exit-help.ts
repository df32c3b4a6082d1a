/** What a command ends with, where that is more than "0 done": told in its help, and in docs/cli.md. */
const special: Readonly<Record<string, string>> = {
  worker: '1 it stopped and left jobs behind, or all workers are suspended',
  'worker-pool': '1 it gave up, left jobs behind, or all workers are suspended',
  run: '1 the job failed, was canceled or is gone, or gave no result within --wait; 130 Ctrl-C, the job goes on',
  enqueue: '1 it is enqueued, but --wait-replicas were not confirmed',
  watch: '130 Ctrl-C',
  info: '130 Ctrl-C, with --interval',
  job: '1 there is no such job',
  failed: '1 a job that was named has not failed or is not there',
  requeue: '1 a job that was named has not failed or is not there',
  stop: '1 a job does not run, or did not end in time',
  shutdown: '1 a worker is not there, or did not answer',
  'kill-horse': '1 a worker is not there, runs nothing, or did not answer',
  ping: '1 a worker is not there, or did not answer',
  limit: '1 there is no limit to show',
  audit: '1 findings; 4 something could not be read',
  doctor: '1 warnings; 4 problems, or it could not go on',
};

/** The line of a command's help that tells its exit codes. */
export const exitHelp = (command: string): string =>
  `\nExit codes: 0 done; ${special[command] === undefined ? '' : `${special[command]}; `}2 wrong usage or input; 3 Redis cannot be reached.`;
