import { noop } from './bench.mjs';

export default (job) => noop(job.data);
