import { constants } from 'node:os';
import { toUSVString } from 'node:util';
import { type Settlement, stoppedText } from '../redis/transitions/settlement.js';
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
        ...(outcome.retryAsked && { retryAsked: outcome.retryAsked }),
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
        traceback: `${workHorseText(exitCode, signal)}\n${detail}`,
      };
    }
    case 'undecodable':
      return {
        ...fatal(`its payload cannot be decoded: ${outcome.cause}`),
        ...(outcome.isPythons && { forPython: true }),
      };
    case 'unknownHandler':
      return {
        kind: 'pass',
        reason: cut(`no handler ${JSON.stringify(outcome.functionName)} in this worker`),
        limit: passLimit,
      };
    case 'stopped':
      if (outcome.reason === 'byUser')
        return { kind: 'stop', reason: stoppedText, traceback: stoppedText };
      if (outcome.reason === 'killed') {
        const text = workHorseText(null, 'SIGKILL');
        return { kind: 'fail', reason: text.trim(), retryable: true, traceback: text };
      }
      // The script finds out by itself what became of a job that was canceled, deleted or lost.
      return { kind: 'back', reason: outcome.reason };
    case 'notBegun':
      return { kind: 'back', reason: cut(outcome.reason) };
  }
};

// RQ shows the status that wait() gives: the signal as it is, an exit code in the upper byte.
const workHorseText = (exitCode: number | null, signal: string | null): string => {
  const number = constants.signals[signal as NodeJS.Signals] as number | undefined;
  const status = number ?? (exitCode === null ? 'None' : exitCode * 256);
  return `Work-horse terminated unexpectedly; waitpid returned ${status}${number === undefined ? '' : ` (signal ${number})`}; `;
};

const fatal = (reason: string): Extract<Settlement['end'], { kind: 'fail' }> => ({
  kind: 'fail',
  reason: cut(reason),
  retryable: false,
  traceback: reason,
});

// Half of a surrogate pair, thrown so or made by the cut, is JSON that Redis cannot parse: the script would
// stop between two of its writes.
const cut = (text: string): string =>
  toUSVString(text.length > 500 ? `${text.slice(0, 500)}…` : text);
