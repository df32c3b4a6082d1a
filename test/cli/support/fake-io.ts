import picocolors from 'picocolors';
import type { Io } from '../../../src/cli/io.js';
import { runCommandLine } from '../../../src/cli/program.js';

export interface FakeIo extends Io {
  stdout: string;
  stderr: string;
  asked: string[];
}

/** A terminal without colours that keeps what it is given; `answer` is what its user says to questions. */
export const fakeTerminal = (
  env: Record<string, string> = {},
  answer: boolean | null = null,
  cwd = process.cwd(),
): FakeIo => {
  const colors = picocolors.createColors(false);
  const io: FakeIo = {
    stdout: '',
    stderr: '',
    asked: [],
    env,
    cwd,
    isTerminal: true,
    columns: 80,
    colors,
    errorColors: colors,
    backlogBytes: 0,
    out: (line) => {
      io.stdout += `${line}\n`;
    },
    err: (line) => {
      io.stderr += `${line}\n`;
    },
    json: (value) => {
      io.stdout += `${JSON.stringify(value)}\n`;
    },
    write: (text) => {
      io.stdout += text;
    },
    confirm: async (question) => {
      io.asked.push(question);
      return answer;
    },
    onSignal: () => undefined,
    outliveOutput: () => undefined,
    flush: async () => undefined,
  };
  return io;
};

/** Runs a command line in this process, with its stdout in a pipe. */
export const runHere = async (
  url: string,
  ...args: string[]
): Promise<{
  code: number;
  stdout: string;
  stderr: string;
  objects: Array<Record<string, unknown>>;
}> => {
  const io = { ...fakeTerminal({ RQ_REDIS_URL: url }), isTerminal: false };
  let stdout = '';
  let stderr = '';
  io.out = (line) => {
    stdout += `${line}\n`;
  };
  io.err = (line) => {
    stderr += `${line}\n`;
  };
  io.json = (value) => io.out(JSON.stringify(value));
  const code = await runCommandLine(args, io);
  const isJson = args.includes('--json') && stdout !== '';
  const objects = isJson
    ? stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  return { code, stdout, stderr, objects };
};
