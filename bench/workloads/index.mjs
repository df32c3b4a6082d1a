// A workload answers one question. It exports
//   name       as on the command line
//   cases      [{ id, title, unit, better: 'higher' | 'lower', needs, subjectOnly, inQuick, ...params }]
//   measure(lab, params)   one measurement of one library → { value, ...metrics }
// `needs` lists abilities of the adapter; `subjectOnly` cases measure rxrq alone, unless the peers
// are named on the command line; `inQuick: false` leaves a case out of --quick unless --only names it.
import { CannotRunError } from '../harness/cannot-run-error.mjs';
import * as backlog from './backlog.mjs';
import * as children from './children.mjs';
import * as drain from './drain.mjs';
import * as enqueue from './enqueue.mjs';
import * as events from './events.mjs';
import * as forkPerJob from './fork-per-job.mjs';
import * as idle from './idle.mjs';
import * as latency from './latency.mjs';
import * as memory from './memory.mjs';

const workloads = [enqueue, drain, children, forkPerJob, latency, events, memory, backlog, idle];

/** Cases in the order of the report; `only` keeps those whose workload or id begins so. */
export function selectCases({ only, quick }) {
  const all = workloads.flatMap(({ name, cases, measure }) =>
    cases.map((each) => ({
      needs: [],
      subjectOnly: false,
      inQuick: true,
      ...each,
      workload: name,
      measure,
    })),
  );
  if (only.length === 0) return all.filter(({ inQuick }) => inQuick || !quick);
  const matches = ({ workload, id }, wanted) => workload === wanted || id.startsWith(wanted);
  const nothing = only.find((wanted) => !all.some((each) => matches(each, wanted)));
  if (nothing !== undefined)
    throw new CannotRunError(`--only: no workload or case begins with '${nothing}'`);
  return all.filter((each) => only.some((wanted) => matches(each, wanted)));
}
