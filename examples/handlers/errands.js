// @ts-check
import { currentJob, defineTasks, RetryError } from 'rxrq/tasks';

/** Handlers of the example about time. */
export const errands = defineTasks('errands', {
  /** @param {string} who */
  greet: (who) => `good morning, ${who}`,

  /** The bank is closed at first. @param {number} opensAt */
  visitBank: (opensAt) => {
    const { attempt } = currentJob();
    if (attempt < opensAt) throw new Error(`attempt ${attempt}: closed`);
    return `attempt ${attempt}: open`;
  },

  /** Waits for something that others bring, and asks for another run until it is there. @param {number} arrivesAt */
  fetchParcel: (arrivesAt) => {
    const { attempt } = currentJob();
    if (attempt < arrivesAt) throw new RetryError('not there yet', { max: 5 });
    return `visit ${attempt}: got it`;
  },
});
