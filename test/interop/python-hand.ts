import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { PythonFailedError, type PythonRqVersion, startPython } from '../support/python.js';

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

/** Where Python finds `pyjobs`, and which Redis it is to use. */
export const pythonEnvironment = (url: string) => ({
  REDIS_URL: url,
  RQ_REDIS_URL: url,
  PYTHONPATH: fixtures,
});

/** One interpreter with rq in it, for all steps of a test file. */
export class PythonHand {
  private readonly redis: Redis;

  private constructor(
    private readonly running: ReturnType<typeof startPython>,
    url: string,
  ) {
    this.redis = new Redis(url);
  }

  static start(version: PythonRqVersion, url: string): PythonHand {
    const running = startPython(version, [`${fixtures}/python-hand.py`], pythonEnvironment(url));
    return new PythonHand(running, url);
  }

  /**
   * Runs the body of a Python function and gives back what it returns.
   *
   * @param given its arguments by name, and what fixtures/python-hand.py has: `r`, `queue`, `fetch`, …
   * @throws PythonFailedError with the traceback
   */
  async run<T = unknown>(code: string, given: Record<string, unknown> = {}): Promise<T> {
    await this.redis.rpush('test:asked', JSON.stringify({ code, given }));
    const reply = await this.redis.blpop('test:answered', 15);
    if (!reply)
      throw new PythonFailedError(null, `no answer to\n${code}\n${this.running.output()}`);
    const answer = JSON.parse(reply[1]) as { value: T; error?: string };
    if (answer.error) throw new PythonFailedError(0, answer.error);
    return answer.value;
  }

  async stop(): Promise<void> {
    await this.redis.rpush('test:asked', 'null');
    this.redis.disconnect();
    await this.running.stop();
  }
}
