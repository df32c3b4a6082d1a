import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Command, Option } from 'commander';
import { makeProgram, runCommandLine } from '../../src/cli/program.js';
import { rqFlags } from '../../src/cli/rq-flags.js';
import { fakeTerminal } from '../cli/support/fake-io.js';
import { describeWithPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const program = makeProgram(fakeTerminal(), () => undefined);
const commands = program.commands.filter((command) => command.name() !== 'help');
const names = commands.map((command) => command.name());
const common = new Set(['--url', '--config', '--json', '--verbose']);

const shown = (command: Command): Option[] => command.options.filter(({ hidden }) => !hidden);

/** The sections of the page, by heading. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);
const commandsOf = (heading: string): string[] => heading.split(/, | and /);
const sectionOf = (name: string): string =>
  [...sections].find(([heading]) => commandsOf(heading).includes(name))?.[1] ?? '';

/** The rows of the table below a heading, as cells. */
const rowsOf = (heading: string): string[][] =>
  (sections.get(heading) ?? '')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );

/** Words in backquotes. */
const quoted = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word as string);

describe('docs/cli.md', () => {
  it('lists every command, and no other, in its first table', () => {
    const first = page.slice(0, page.indexOf('\n## '));
    const listed = [...first.matchAll(/^\| `([\w-]+)/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual([...names].sort());
  });

  it.each(names)('tells every option of %s', (name) => {
    const command = commands.find((one) => one.name() === name) as Command;
    const options = shown(command).filter(({ long }) => !common.has(long as string));
    const words = new Set(sectionOf(name).match(/(?<![\w-])--?[a-zA-Z][\w-]*/g));
    for (const { long, short } of name === 'config' ? [] : options) {
      expect([long, words.has(long as string)]).toEqual([long, true]);
      if (short) expect([short, words.has(short)]).toEqual([short, true]);
    }
  });

  it.each(['worker', 'worker-pool', 'run', 'enqueue', 'cron'])(
    'has a row of a table for every option of %s',
    (name) => {
      const command = commands.find((one) => one.name() === name) as Command;
      const heading = [...sections.keys()].find((of) => commandsOf(of).includes(name)) ?? '';
      const options = (sections.get(heading) ?? '').split('| Option | Default | |\n')[1] ?? '';
      const rows = options
        .split('\n\n')[0]
        ?.split('\n')
        .map((line) => line.split(/(?<!\\)\|/)[1] ?? '');
      const told = quoted(rows?.join(' ') ?? '').map((word) => word.split(' ')[0]);
      for (const { long, short } of shown(command).filter((one) => !common.has(one.long as string)))
        for (const flag of short ? [long, short] : [long])
          expect([flag, told.includes(flag as string)]).toEqual([flag, true]);
    },
  );

  it('tells of no option that is not there', () => {
    for (const [heading, section] of sections) {
      const mine = commands.filter((command) => commandsOf(heading).includes(command.name()));
      if (mine.length === 0) continue;
      const known = new Set(mine.flatMap((command) => command.options.map(({ long }) => long)));
      // What a command prints may name flags of others: blocks of no language are left out.
      const text = section.replaceAll(/^```(\w*)\n([^`]*)```$/gm, (_, language, code) =>
        language === '' ? '' : code,
      );
      for (const [flag] of text.matchAll(/(?<![\w-])--[a-z][\w-]+/g))
        expect([heading, flag, known.has(flag)]).toEqual([heading, flag, true]);
    }
  });

  it('has a row of exit codes and one of JSON for every command', () => {
    const codes = rowsOf('Exit codes of each command').flatMap(([command]) =>
      quoted(command ?? ''),
    );
    expect(codes.sort()).toEqual([...names].sort());
    const objects = rowsOf('JSON').flatMap(([command]) => quoted(command ?? ''));
    expect(objects.sort()).toEqual([...names].sort());
  });

  it('every help ends with the exit codes', () => {
    const table = rowsOf('Exit codes of each command');
    for (const command of commands) {
      let help = '';
      command.configureOutput({
        writeOut: (text) => {
          help += text;
        },
      });
      command.outputHelp();
      expect(help).toMatch(/\nExit codes: 0 done; .*2 .*; 3 Redis cannot be reached\.\n/);
      const told = help.slice(help.lastIndexOf('\nExit codes: '));
      const row = table.find(([of]) => quoted(of ?? '').includes(command.name())) ?? [];
      for (const [place, code] of [1, 4, 130].entries())
        expect([command.name(), code, told.includes(`; ${code} `)]).toEqual([
          command.name(),
          code,
          (row[place + 1] ?? '') !== '',
        ]);
    }
  });
});

type Verdict = 'yes' | 'ignored' | 'refused';

/** What becomes of a flag of RQ's. */
const verdictOf = (command: Command, long: string): Verdict | 'missing' => {
  const option = command.options.find((one) => one.long === long);
  if (!option) return 'missing';
  if (shown(command).includes(option)) return 'yes';
  return (
    rqFlags[command.name()]?.find(({ flags }) => flags.includes(`${long} `) || flags.endsWith(long))
      ?.verdict ?? 'yes'
  );
};

/** The table of the page, unfolded: `command --flag` → verdict. */
const told = (): Map<string, string> =>
  new Map(
    rowsOf('Coming from rq').flatMap(([flags = '', of = '', verdict = '']) => {
      const long = quoted(flags).filter((flag) => flag.startsWith('--'));
      const commandsTold = of === 'all' ? names : quoted(of);
      return commandsTold.flatMap((name) =>
        long.map((flag): [string, string] => [`${name} ${flag}`, verdict]),
      );
    }),
  );

describe('what rq takes and we refuse', () => {
  it.each([
    [['info', '-Q', '-W'], '--only-workers'],
    [['enqueue', 'a.b', '--retry-interval', '5'], '--retry-interval'],
  ])('%j: the row of the flag says so', async (args, flag) => {
    expect(await runCommandLine(args, fakeTerminal())).toBe(2);
    const rows = rowsOf('Coming from rq').filter(
      ([flags = '', of = '']) => quoted(flags).includes(flag) && quoted(of).includes(args[0] ?? ''),
    );
    expect(rows).toEqual([[expect.anything(), expect.anything(), 'yes', expect.any(String)]]);
    expect(rows[0]?.[3]).toContain('it is refused; RQ passes it over');
  });
});

describeWithPython('flags of rq', ['2.12'], (version) => {
  const helpOf = async (...args: string[]): Promise<string> => {
    const { child, output } = startPython(version, ['-m', 'rq.cli', ...args, '--help'], {
      COLUMNS: '200',
    });
    await until(`help of rq ${args.join(' ')}`, () => child.exitCode !== null, {
      deadlineMs: 30_000,
    });
    return output();
  };

  it('are all there or told of, and the table says what becomes of each', async () => {
    const theirs = [
      ...((await helpOf()).split('Commands:')[1]?.matchAll(/^ {2}([\w-]+) /gm) ?? []),
    ].map(([, name]) => name as string);
    expect(theirs).toContain('worker-pool');
    // Each has a command of ours by the same name.
    expect(theirs.filter((name) => !names.includes(name))).toEqual([]);
    const table = told();
    const found = new Map<string, string>();
    for (const name of theirs) {
      const command = commands.find((one) => one.name() === name) as Command;
      const help = await helpOf(name);
      const flags = [...help.matchAll(/^ {2}(?:(-\w+), )?(--[\w-]+)/gm)];
      expect(flags.length).toBeGreaterThan(5);
      for (const [, short, long] of flags) {
        if (long === '--help') continue;
        const flag = `${name} ${long}`;
        found.set(flag, verdictOf(command, long as string));
        const option = command.options.find((one) => one.long === long);
        // `-ds` is two flags to every other parser.
        if (option && short && short !== '-ds')
          expect([name, long, option?.short]).toEqual([name, long, short]);
      }
    }
    expect([...found].filter(([, verdict]) => verdict === 'missing')).toEqual([]);
    expect(new Map([...table].filter(([flag]) => found.has(flag)).sort())).toEqual(
      new Map([...found].sort()),
    );
    // A row must not tell of a flag that RQ has not.
    const stray = [...table.keys()].filter((flag) => {
      const [name = '', long = ''] = flag.split(' ');
      return (
        theirs.includes(name) &&
        !found.has(flag) &&
        ![...found.keys()].some((one) => one.endsWith(` ${long}`))
      );
    });
    expect(stray).toEqual([]);
  }, 120_000);
});

describe('flags that RQ has and we have not', () => {
  it('takes -ds for what it is with RQ', async () => {
    const io = fakeTerminal();
    expect(await runCommandLine(['worker', '-ds', 'by-lot'], io)).toBe(2);
    expect(io.stderr).toContain('--dequeue-strategy');
    expect(io.stderr).not.toContain('-d, ');
  });

  it.each(
    Object.entries(rqFlags).flatMap(([name, flags]) =>
      flags
        .filter(({ verdict }) => verdict === 'refused' && names.includes(name))
        .map(({ flags: spelled, why }) => [name, spelled, why] as const),
    ),
  )('rxrq %s %s is refused with the reason', async (name, spelled, why) => {
    const io = fakeTerminal();
    const flag = /--[\w-]+/.exec(spelled)?.[0] as string;
    const value = spelled.includes('<') ? ['x'] : [];
    expect(await runCommandLine([name, flag, ...value], io)).toBe(2);
    expect(io.stderr).toContain(`not there: ${why}`);
  });
});
