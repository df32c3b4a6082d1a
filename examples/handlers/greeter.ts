import { CURRENT_JOB, inject, injectable, singleton } from 'rxrq/di';
import type { JobContext } from 'rxrq/tasks';

export const GREETING = Symbol('greeting');

/** Made once in each executor, and disposed when it leaves. */
@singleton()
export class Visitors {
  private readonly names: string[] = [];

  remember(name: string): number {
    return this.names.push(name);
  }
}

/** A handler class: made for each job by the container. Its method is the handler `Greeter.greet`. */
@injectable()
export class Greeter {
  constructor(
    private readonly visitors: Visitors,
    @inject(GREETING) private readonly greeting: string,
    @inject(CURRENT_JOB) private readonly job: JobContext,
  ) {}

  greet(name: string): string {
    const place = this.visitors.remember(name);
    return `${this.greeting} ${name}, visitor ${place} of ${this.job.queue}`;
  }
}
