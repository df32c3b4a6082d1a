import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from '@jest/globals';
import { endWithUs } from '../../scripts/guard.mjs';

/** The Python RQ releases that the interop tests run against. */
export type PythonRqVersion = '2.12' | '1.16' | '1.13';

const environments = {
  '2.12': { variable: 'RXRQ_PYTHON_2_12', directory: 'rq-2.12.0' },
  '1.16': { variable: 'RXRQ_PYTHON_1_16', directory: 'rq-1.16.2' },
  '1.13': { variable: 'RXRQ_PYTHON_1_13', directory: 'rq-1.13.0' },
} as const;

export class PythonFailedError extends Error {
  override readonly name = 'PythonFailedError';

  constructor(
    readonly code: number | null,
    readonly output: string,
  ) {
    super(`Python ended with ${code}:\n${output}`);
  }
}

/**
 * Runs Python code beside that release of RQ and gives back the JSON of its last line on stdout,
 * undefined when it wrote none.
 *
 * @param args its `sys.argv[1:]`
 * @param env added to ours; `REDIS_URL` says which database the code is meant to use
 * @throws PythonFailedError with its stderr, when it fails or takes longer than `deadlineMs`
 */
export async function python<T = unknown>(
  version: PythonRqVersion,
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  deadlineMs = 60_000,
): Promise<T> {
  const child = start(version, ['-c', script, ...args], env);
  const deadline = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(deadline);
  if (code !== 0) throw new PythonFailedError(code, stderr + stdout);
  const lastLine = stdout.trimEnd().split('\n').at(-1);
  return (lastLine ? JSON.parse(lastLine) : undefined) as T;
}

export interface RunningPython {
  readonly child: ChildProcess;
  /** All it wrote so far, stdout and stderr as they came. */
  output(): string;
  /** Asks it to end (an RQ worker: after its job), kills it after 10 s, resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts Python to keep running, for example `['-m', 'rq.cli', 'worker', 'default']`. */
export function startPython(
  version: PythonRqVersion,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningPython {
  const child = start(version, args, env);
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const gone = once(child, 'close');
  return {
    child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(patience);
    },
  };
}

/** `describe` once per release; where Python RQ is missing the tests are skipped, and loudly. */
export function describeWithPython<Version extends PythonRqVersion>(
  name: string,
  versions: readonly Version[],
  define: (version: Version) => void,
): void {
  for (const version of versions) {
    const title = `${name} (Python RQ ${version})`;
    if (pythonPath(version)) {
      describe(title, () => define(version));
    } else if (process.env.CI === 'true') {
      describe(title, () => {
        it('has its Python RQ', () => {
          throw new Error(`Python RQ ${version} is missing, and CI=true allows no skipping.`);
        });
      });
    } else {
      process.stderr.write(`SKIPPED, PYTHON RQ ${version} IS MISSING: ${name}\n`);
      describe.skip(title, () => define(version));
    }
  }
}

export function pythonPath(version: PythonRqVersion): string | undefined {
  if (process.env.RXRQ_PYTHON_RQ === 'missing') return undefined;
  const { variable, directory } = environments[version];
  const given = process.env[variable];
  if (given) return given;
  // Jest started by hand: the environments of an earlier `npm test` will do.
  const cached = new URL(`../../.cache/python/${directory}/bin/python`, import.meta.url);
  return existsSync(cached) ? fileURLToPath(cached) : undefined;
}

function start(
  version: PythonRqVersion,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const path = pythonPath(version);
  if (!path) throw new Error(`Python RQ ${version} is missing: \`npm test\` provides it.`);
  const child = spawn(path, args, {
    env: { ...process.env, PYTHONUNBUFFERED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error(`${path} could not be started.`);
  const release = endWithUs(child.pid);
  child.once('exit', release);
  return child;
}
