import { createInterface } from 'node:readline/promises';
import picocolors from 'picocolors';
import { escapeJson, escapeText } from './escape.js';

export type Colors = ReturnType<typeof picocolors.createColors>;

/**
 * A command's way to the outer world. Foreign text must have passed `escapeText` before it comes here;
 * `json` does that by itself.
 */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly cwd: string;
  /** stdout is a terminal. */
  readonly isTerminal: boolean;
  /** Width of that terminal; 80 elsewhere. */
  readonly columns: number;
  /** For stdout; without effect unless it is a terminal. */
  readonly colors: Colors;
  /** For stderr. */
  readonly errorColors: Colors;
  /** One line to stdout. */
  out(line: string): void;
  /** One line to stderr. */
  err(line: string): void;
  /** One object as one line to stdout. */
  json(value: object): void;
  /** Text as it is to stdout. */
  write(text: string): void;
  /** Bytes that stdout's reader has not taken yet. */
  readonly backlogBytes: number;
  /** Asks on the terminal; `null` where there is none to ask. */
  confirm(question: string): Promise<boolean | null>;
  /** From now on SIGINT and SIGTERM go to `handler`; without one they end the process, with 130 and 143. */
  onSignal(handler: (signal: 'SIGINT' | 'SIGTERM') => void): void;
  /** From now on a reader of stdout that goes away (`| head`) does not end the process. */
  outliveOutput(): void;
  /** Resolves when what was written is on its way, but waits only so long for a reader that does not read. */
  flush(): Promise<void>;
}

const flushWithinMs = 2_000;

const colorsFor = (isTerminal: boolean, env: NodeJS.ProcessEnv): Colors =>
  picocolors.createColors(isTerminal && !env.NO_COLOR && env.TERM !== 'dumb');

/** The process's own terminal, environment and signals. */
export const processIo = (): Io => {
  // Handlers that run in this process may write too, and a worker takes those writes over.
  const writeOut = process.stdout.write.bind(process.stdout);
  const writeErr = process.stderr.write.bind(process.stderr);
  let isClosed = false;
  let outlives = false;
  let onSignal = (signal: 'SIGINT' | 'SIGTERM'): void =>
    process.exit(signal === 'SIGINT' ? 130 : 143);
  process.on('SIGINT', () => onSignal('SIGINT'));
  process.on('SIGTERM', () => onSignal('SIGTERM'));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    isClosed = true;
    // A reader that went away has what it wanted. A full disk has not, and must not pass for success.
    const isLost = error.code !== 'EPIPE';
    if (isLost) writeErr(`error: stdout takes no more: ${escapeText(error.message)}\n`);
    if (!outlives) process.exit(isLost ? 1 : 0);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => undefined);
  const write = (text: string): void => {
    if (!isClosed) writeOut(text);
  };
  return {
    env: process.env,
    cwd: process.cwd(),
    isTerminal: process.stdout.isTTY === true,
    get columns() {
      return process.stdout.columns || 80;
    },
    colors: colorsFor(process.stdout.isTTY === true, process.env),
    errorColors: colorsFor(process.stderr.isTTY === true, process.env),
    out: (line) => write(`${line}\n`),
    err: (line) => void writeErr(`${line}\n`),
    json: (value) => write(`${escapeJson(JSON.stringify(value))}\n`),
    write,
    get backlogBytes() {
      return process.stdout.writableLength;
    },
    confirm: async (question) => {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
      const terminal = createInterface({ input: process.stdin, output: process.stderr });
      const interrupted = new Promise<string>((resolve) =>
        terminal.once('close', () => resolve('')),
      );
      const answer = await Promise.race([terminal.question(`${question} [y/N] `), interrupted]);
      terminal.close();
      return /^y(es)?$/i.test(answer.trim());
    },
    onSignal: (handler) => {
      onSignal = handler;
    },
    outliveOutput: () => {
      outlives = true;
    },
    flush: async () => {
      const outDone = new Promise<void>((resolve) => {
        if (isClosed) resolve();
        else writeOut('', () => resolve());
      });
      const errDone = new Promise<void>((resolve) => void writeErr('', () => resolve()));
      const late = new Promise<void>((resolve) => setTimeout(resolve, flushWithinMs).unref());
      await Promise.race([Promise.all([outDone, errDone]), late]);
    },
  };
};
