import { toUSVString } from 'node:util';
import type { Settlement } from '../redis/transitions/settlement.js';
import type { Outcome } from './outcome.js';

/** How often a job without a handler goes back for another worker, before it is quarantined. */
export const passLimit = 3;

/**
 * The job's fate: what is written for an outcome. Texts that RQ's users search for are RQ's own. The
 * child's fate is decided elsewhere.
 */
export const settlementOf = (outcome: Outcome): Settlement['end'] => {
  switch (outcome.kind) {
    case 'returned':
      return { kind: 'finish', result: outcome.result };
    case 'threw': {
      const { name, message, stack } = outcome.error;
      return {
        kind: 'fail',
        reason: cut(`${name}: ${message}`),
        retryable: outcome.retryable,
        traceback: stack,
      };
    }
    case 'timedOut': {
      const seconds = Math.round(outcome.limitMs / 1000);
      const text = `JobTimeoutException: Task exceeded maximum timeout value (${seconds} seconds)`;
      return { kind: 'fail', reason: text, retryable: true, traceback: text };
    }
    case 'died': {
      const { exitCode, signal, detail } = outcome;
      const how = signal ? `signal ${signal}` : `exit code ${exitCode}`;
      return {
        kind: 'fail',
        reason: cut(`the executor died (${how}): ${detail}`),
        retryable: true,
        traceback: `Work-horse terminated unexpectedly; waitpid returned ${exitCode ?? 'None'} (signal ${signal ?? 'None'}); \n${detail}`,
      };
    }
    case 'undecodable':
      return fatal(`its payload cannot be decoded: ${outcome.cause}`);
    case 'unknownHandler':
      return {
        kind: 'pass',
        reason: cut(`no handler ${JSON.stringify(outcome.functionName)} in this worker`),
        limit: passLimit,
      };
    // The script finds out by itself what became of a job that was canceled, deleted or lost.
    case 'stopped':
      return { kind: 'back', reason: outcome.reason };
    case 'notBegun':
      return { kind: 'back', reason: cut(outcome.reason) };
  }
};

const fatal = (reason: string): Settlement['end'] => ({
  kind: 'fail',
  reason: cut(reason),
  retryable: false,
  traceback: reason,
});

// Half of a surrogate pair, thrown so or made by the cut, is JSON that Redis cannot parse: the script would
// stop between two of its writes.
const cut = (text: string): string =>
  toUSVString(text.length > 500 ? `${text.slice(0, 500)}…` : text);
