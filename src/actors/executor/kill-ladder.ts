/** The three ways to end a job, in the order of their force. */
export interface LadderSteps {
  abort(): void;
  terminate(): void;
  kill(): void;
}

/** Ask, wait, terminate, wait, kill: started once, climbed until somebody steps off. */
export class KillLadder {
  #timer: NodeJS.Timeout | undefined;
  #rung: 'ground' | 'aborted' | 'terminated' | 'killed' = 'ground';

  constructor(
    private readonly steps: LadderSteps,
    /** Between two steps, in milliseconds. */
    private readonly graceMs: number,
  ) {}

  get rung(): 'ground' | 'aborted' | 'terminated' | 'killed' {
    return this.#rung;
  }

  climb(): void {
    if (this.#rung !== 'ground') return;
    this.#rung = 'aborted';
    this.steps.abort();
    this.#timer = setTimeout(() => {
      this.#rung = 'terminated';
      this.steps.terminate();
      this.#timer = setTimeout(() => this.kill(), this.graceMs);
    }, this.graceMs);
  }

  /** Straight to the last step. */
  kill(): void {
    clearTimeout(this.#timer);
    if (this.#rung === 'killed') return;
    this.#rung = 'killed';
    this.steps.kill();
  }

  /**
   * The job ended after being asked. Once SIGTERM is out nobody steps off any more: the process has
   * been told to die, and what it is in the middle of is unknown.
   */
  stepOff(): void {
    if (this.#rung !== 'aborted') return;
    clearTimeout(this.#timer);
    this.#rung = 'ground';
  }

  /** The process is gone. */
  end(): void {
    clearTimeout(this.#timer);
    this.#rung = 'killed';
  }
}
