import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pythonPath, type RunningPython, startPython } from '../support/python.js';
import { childrenOf, signal } from './processes.js';

const version = '2.12';
const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

/**
 * A worker of Python RQ beside the fleet, on a queue that both work on. It may end when Redis refuses it something, or
 * be killed; then another one comes, as any process manager would have it.
 */
export class Snake {
  private running: RunningPython | null = null;
  private isOver = false;
  private living: Promise<void> = Promise.resolve();
  /** How many it took. */
  lives = 0;
  output = '';

  static get isThere(): boolean {
    return pythonPath(version) !== undefined;
  }

  constructor(
    private readonly url: string,
    private readonly queue: string,
  ) {}

  start(): void {
    this.living = this.live();
  }

  /** `both`: with the horse that runs its job. Alone, it leaves its horse behind, which goes on. */
  kill(what: 'worker' | 'both'): void {
    const pid = this.running?.child.pid;
    if (pid === undefined) return;
    for (const horse of what === 'both' ? childrenOf(pid) : []) signal(horse, 'SIGKILL');
    signal(pid, 'SIGKILL');
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.running?.stop();
    await this.living;
  }

  private async live(): Promise<void> {
    const serializer = ['--serializer', 'rq.serializers.JSONSerializer'];
    const quick = ['--job-monitoring-interval', '5', '--worker-ttl', '30'];
    const args = ['-m', 'rq.cli', 'worker', '--url', this.url, ...serializer, ...quick, this.queue];
    while (!this.isOver) {
      this.lives += 1;
      const running = startPython(version, args, { PYTHONPATH: fixtures });
      this.running = running;
      const { child } = running;
      while (child.exitCode === null && child.signalCode === null) await delay(100);
      this.output = running.output().slice(-3_000);
      await delay(500);
    }
  }
}
