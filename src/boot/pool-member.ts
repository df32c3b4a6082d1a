import { type BootOptions, bootWorker } from './boot-worker.js';

/** What a member tells its pool. */
export type MemberReport =
  | { kind: 'up'; name: string; handlers: readonly string[] }
  | { kind: 'trouble'; message: string }
  | { kind: 'stopped'; finished: number; failed: number; left: readonly string[] }
  /** It did not come up, or had to give up. */
  | { kind: 'gaveUp'; error: string; message: string };

const tell = (report: MemberReport): void => {
  if (process.connected) process.send?.(report, () => undefined);
};

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** The process of one worker of a pool: gets its options as the first message, and ends with its worker. */
const run = async (options: BootOptions): Promise<void> => {
  try {
    const on = {
      onTrouble: (error: unknown) => tell({ kind: 'trouble', message: messageOf(error) }),
    };
    const worker = await bootWorker({ ...options, on });
    // Without its pool nobody would stop it any more.
    process.once('disconnect', () => void worker.stop());
    tell({ kind: 'up', name: worker.name, handlers: worker.handlers });
    const summary = await worker.done;
    tell({ kind: 'stopped', ...summary });
  } catch (error) {
    const name = error instanceof Error ? error.name : 'Error';
    tell({ kind: 'gaveUp', error: name, message: messageOf(error) });
    process.exitCode = 1;
  }
  if (process.connected) process.disconnect();
};

process.once('message', (options) => void run(options as BootOptions));
