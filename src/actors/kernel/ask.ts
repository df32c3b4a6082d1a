import type { Subscription } from 'rxjs';
import { AskTimeoutError, kindOf } from './errors.js';
import type { Kernel } from './kernel.js';

/** A tell that waits for its reply. See ActorRef.ask. */
export const ask = <M, R>(
  kernel: Kernel,
  to: { readonly path: string; tell(message: M): boolean },
  makeMessage: (reply: (value: R) => void) => M,
  timeoutMs: number,
): Promise<R> =>
  new Promise((resolve, reject) => {
    let open = true;
    let limit: Subscription | undefined;
    const close = (): boolean => {
      if (!open) return false;
      open = false;
      limit?.unsubscribe();
      return true;
    };
    const message = makeMessage((value) => {
      if (close()) resolve(value);
      else kernel.deadLetter(value, to.path, 'late reply');
    });
    // A refused, dropped or crashing message is found again by its identity, so that the asker
    // hears of it at once; a message that carries a reply is always an object.
    kernel.asked.set(message as object, (failure) => {
      if (close()) reject(failure);
    });
    limit = kernel.clock.schedule(() => {
      if (close()) reject(new AskTimeoutError(to.path, kindOf(message), timeoutMs));
    }, timeoutMs);
    to.tell(message);
  });
