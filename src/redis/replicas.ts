import type { Redis } from 'ioredis';
import { InvalidOptionError, NotReplicatedError } from './errors.js';
import { keys } from './keys.js';
import { loadScript, runScript } from './scripts.js';
import type { EnqueueVerdict, NewJob, ReplicaWait } from './transitions/enqueue.js';

/** A number of replicas, 0 for none, or also how long they are waited for: 1,000 ms unless told, 4,000 at most. */
export type WaitReplicas = number | { replicas: number; timeoutMs?: number };

/** Below the deadline of a command: whoever comes behind a WAIT on its connection waits as well. */
const longestMs = 4_000;

/** `null` for none. @throws InvalidOptionError */
export const checkWaitReplicas = (given: WaitReplicas | undefined): ReplicaWait | null => {
  const { replicas, timeoutMs = 1_000 } =
    typeof given === 'object' && given !== null ? given : { replicas: given ?? 0 };
  if (!(Number.isSafeInteger(replicas) && replicas >= 0))
    throw new InvalidOptionError('waitReplicas', 'it must be a number of replicas, 0 or more');
  if (!(Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= longestMs))
    throw new InvalidOptionError(
      'waitReplicas.timeoutMs',
      `it must be a whole number of milliseconds from 1 to ${longestMs}`,
    );
  return replicas === 0 ? null : { replicas, timeoutMs };
};

const touch = loadScript('touch');

interface Round extends ReplicaWait {
  answer: Promise<number>;
}

/**
 * Asks replicas whether they have what was written, by WAIT, which answers for the writes of its own connection. It holds up
 * whatever comes behind it there, so that jobs that wait for replicas have a connection of their own.
 */
export class Replicas {
  /** How many connections there were: a WAIT on another one than that of the write would answer for nothing. */
  private lives = 0;
  private running: Promise<unknown> = Promise.resolve();
  private next: Round | null = null;

  constructor(readonly redis: Redis) {
    redis.on('close', () => {
      this.lives += 1;
    });
  }

  /** To be asked before a write, and given to `confirm` after it. */
  get life(): number {
    return this.lives;
  }

  /**
   * The verdicts on jobs that were just written, with an error in place of those that replicas did not confirm in time.
   * Never rejects.
   */
  async confirm(
    jobs: readonly NewJob[],
    verdicts: readonly EnqueueVerdict[],
    life: number,
  ): Promise<EnqueueVerdict[]> {
    const isThere = (at: number): boolean =>
      /^(written|same)$/.test(String(verdicts[at])) ||
      (verdicts[at] === 'duplicate' && jobs[at]?.replicas?.ofDuplicate === true);
    const waits = jobs.flatMap(({ replicas }, at) => (replicas && isThere(at) ? [replicas] : []));
    if (waits.length === 0) return [...verdicts];
    let confirmed: number | null = null;
    let cause: unknown;
    try {
      // Found, and not written: this connection may have written nothing yet that WAIT could answer for.
      if (!verdicts.includes('written')) {
        const { id } = jobs[verdicts.findIndex((_, at) => isThere(at))] as NewJob;
        await runScript(this.redis, touch, [keys.job(id)], []);
      }
      const count = await this.ask(waits);
      if (this.lives === life) confirmed = count;
      else cause = new Error('The connection was lost before they were asked');
    } catch (error) {
      cause = error;
    }
    return verdicts.map((verdict, at) => {
      const { id, replicas } = jobs[at] as NewJob;
      if (!replicas || !isThere(at)) return verdict;
      if (confirmed !== null && confirmed >= replicas.replicas) return verdict;
      return new NotReplicatedError(id, replicas, confirmed, { cause });
    });
  }

  // One WAIT at a time, the next one for all that were written during it: else they would add up.
  private ask(waits: readonly ReplicaWait[]): Promise<number> {
    const round = this.next ?? this.openRound();
    for (const { replicas, timeoutMs } of waits) {
      round.replicas = Math.max(round.replicas, replicas);
      round.timeoutMs = Math.max(round.timeoutMs, timeoutMs);
    }
    return round.answer;
  }

  private openRound(): Round {
    const round: Round = { replicas: 0, timeoutMs: 0, answer: Promise.resolve(0) };
    round.answer = this.running.then(() => {
      this.next = null;
      return this.redis.wait(round.replicas, round.timeoutMs);
    });
    this.running = round.answer.catch(() => undefined);
    this.next = round;
    return round;
  }
}
