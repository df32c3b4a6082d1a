import type { AuditCode, Finding } from '../audit/finding.js';
import { auditCodes } from '../audit/finding.js';
import { type Diagnosis, fine, type Level } from './finding.js';
import type { KeysReading } from './read-fleet.js';

/** What only a look at every key can tell. Pure. */
export const judgeKeys = ({ bareLeases, results, endlessResults }: KeysReading): Diagnosis[] => {
  const { ofJobs, ofNobody } = endlessResults;
  return [
    bareLeases === 0
      ? fine('old-leases', 'every lease names its execution')
      : {
          check: 'old-leases',
          level: 'note',
          what: `${bareLeases} leases without an execution`,
          why: 'workers of RQ 1 write them so; a late outcome of such a job cannot be told from the right one',
          remedy: 'nothing, while RQ 1 works; else rxrq audit',
        },
    ofJobs + ofNobody === 0
      ? fine('results', `${results} results streams, all with an end`)
      : {
          check: 'results',
          level: ofNobody > 1_000 ? 'warning' : 'note',
          what: `${ofJobs + ofNobody} of ${results} results streams never expire, ${ofNobody} of them of jobs that are gone`,
          why: 'RQ gives the results of failed jobs no end unless failure_ttl was said, and leaves those of deleted ones',
          remedy: 'give jobs a failure_ttl; EXPIRE the streams of jobs that are gone',
        },
  ];
};

const badCodes: Readonly<Partial<Record<AuditCode, Level>>> = {
  ...{ A1: 'problem', A2: 'problem', A5: 'problem', A9: 'problem', A20: 'problem' },
  ...{ A11: 'note', A14: 'note', A15: 'note', A17: 'note', A19: 'note', A22: 'note', A23: 'note' },
};

/** The findings of an audit, one diagnosis for each kind. Pure. */
export const judgeAudit = (findings: readonly Finding[]): Diagnosis[] => {
  const byCode = new Map<AuditCode, Finding[]>();
  for (const finding of findings)
    byCode.set(finding.code, [...(byCode.get(finding.code) ?? []), finding]);
  if (byCode.size === 0) return [fine('jobs', 'every job is where its status says')];
  return [...byCode].map(([code, [first, ...more]]) => {
    const { jobId, queue, seen, remedy } = first as Finding;
    const subject = [jobId && `job ${jobId}`, queue && `of ${queue}`].filter(Boolean).join(' ');
    const [kind = '', meaning = ''] = auditCodes[code].split(': ');
    return {
      check: `jobs-${kind.replaceAll(' ', '-')}`,
      level: badCodes[code] ?? 'warning',
      what: `${more.length + 1} × ${code} ${kind}${subject && `, such as ${subject}`}: ${seen}`,
      why: meaning,
      remedy: remedy === null ? 'rxrq audit lists them; look by hand' : 'rxrq audit --repair',
    };
  });
};
