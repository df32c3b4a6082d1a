/**
 * Who begins next is decided here: one word of shared memory with the number of the last job begun,
 * and a bit that says that no further one may begin. The main thread passes through it before each
 * job; the watchdog thread closes it when the parent takes jobs back. So the parent learns exactly
 * what has not begun, and gets it back at once, while a handler keeps the main thread busy.
 */
export class Gate {
  readonly word = new Int32Array(new SharedArrayBuffer(4));

  /** Marks the job as begun, or answers false: the gate is closed and the job must wait. */
  tryBegin(job: number): boolean {
    for (;;) {
      const seen = Atomics.load(this.word, 0);
      if ((seen & 1) === 1) return false;
      if (Atomics.compareExchange(this.word, 0, seen, job << 1) === seen) return true;
    }
  }

  reopen(): void {
    Atomics.and(this.word, 0, ~1);
  }
}

/** Job numbers end here. */
export const maxJobNumber = 2 ** 30 - 1;

/** After so many jobs a child is replaced, whatever its owner wants: jobs that were taken back have used up numbers as well. */
export const mostJobsPerChild = 2 ** 29;
