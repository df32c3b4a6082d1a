import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { describeWithPython, python } from '../support/python.js';

const page = readFileSync(new URL('../../docs/migration.md', import.meta.url), 'utf8');
const sectionOf = (heading: string): string =>
  (page.split(`\n${heading}\n`)[1] ?? '').split(/\n##+ /)[0] ?? '';

/** The rows of a section's tables, as cells. */
const rowsOf = (section: string): string[][] =>
  section
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-|]+\|$/.test(line))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/))
    .map((cells) => cells.map((cell) => cell.trim()));
const quoted = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word as string);

/** A public name of RQ: a class or function of a module, or a method or property of a class. */
interface Name {
  module: string;
  /** The class of a member: the first of its bases that has it. Empty for what the module itself has. */
  of: string;
  name: string;
}

// Command lines are held against theirs in cli.test.ts.
const introspect = `
import importlib, inspect, json, pkgutil, rq
seen = {}
def tell(module, of, name):
    seen[(module, of, name)] = {'module': module, 'of': of, 'name': name}
def isMember(value):
    return callable(value) or isinstance(value, (property, classmethod, staticmethod))
for found in pkgutil.walk_packages(rq.__path__, 'rq.'):
    if found.name.startswith('rq.cli'):
        continue
    module = importlib.import_module(found.name)
    for name, value in vars(module).items():
        if name.startswith('_') or getattr(value, '__module__', None) != module.__name__:
            continue
        if inspect.isfunction(value):
            tell(module.__name__, '', name)
        elif inspect.isclass(value):
            tell(module.__name__, '', name)
            for member, what in vars(value).items():
                if member.startswith('_') or not isMember(what):
                    continue
                bases = [base for base in value.__mro__ if base.__module__.startswith('rq.') and member in vars(base)]
                tell(bases[-1].__module__, bases[-1].__name__, member)
print(json.dumps(list(seen.values())))`;

/** Whom the small names of the tables stand for. */
const receivers: Record<string, RegExp> = {
  queue: /^Queue$/,
  job: /^Job$/,
  registry: /Registry$/,
  group: /^Group$/,
  worker: /Worker$/,
  result: /^Result$/,
};

/** What has something else in its place: first cells of the tables that say what. */
const isReplaced = (spans: readonly string[], { module, of, name }: Name): boolean =>
  spans.some(
    (span) =>
      [...span.matchAll(/(?<![\w'])(?:(\w+)(?:\([^()]*\))?\.)?(\w+)(?![\w'=])/g)].some(
        ([, receiver, word]) =>
          word === name &&
          (of === ''
            ? receiver === undefined || module === `rq.${receiver}`
            : receiver !== undefined &&
              (receivers[receiver.toLowerCase()]?.test(of) || receiver === of)),
      ) ||
      // The class of what is called: `Queue.all()` is of `Queue`.
      (of === '' && new RegExp(`(?<![\\w.'])${name}[.(]`).test(span)),
  );

interface LeftOut {
  of: string[];
  /** Empty for all of it. */
  names: string[];
  why: string;
}

const isLeftOut = ({ of: owners, names }: LeftOut, { module, of, name }: Name): boolean =>
  (of === '' && owners.includes(name)) ||
  (names.length > 0
    ? names.includes(name) && owners.includes(of || module)
    : owners.includes(of) || owners.includes(module));

describeWithPython('docs/migration.md', ['2.12'], (version) => {
  it('says of every public name of RQ what stands for it, or why nothing does', async () => {
    const names = await python<Name[]>(version, introspect);
    expect(names.length).toBeGreaterThan(400);
    const spans = ['## From Python RQ', "### The rest of RQ's API"].flatMap((heading) =>
      rowsOf(sectionOf(heading)).flatMap(([first = '']) => quoted(first)),
    );
    expect(spans.length).toBeGreaterThan(100);
    const leftOut = rowsOf(sectionOf("### What is left out of RQ's API"))
      .slice(1)
      .map(([of = '', list = '', why = '']) => ({ of: quoted(of), names: quoted(list), why }));
    expect(leftOut.filter(({ of, why }) => of.length === 0 || why.length < 20)).toEqual([]);

    const textOf = ({ module, of, name }: Name): string =>
      of ? `${module} ${of}.${name}` : `${module} ${name}`;
    const untold = names.filter(
      (name) => !isReplaced(spans, name) && !leftOut.some((row) => isLeftOut(row, name)),
    );
    expect(untold.map(textOf)).toEqual([]);
    // Nor does it tell of names that RQ has not.
    const strays = leftOut.flatMap((row) =>
      row.names.length > 0
        ? row.names.filter((name) => !names.some((one) => one.name === name && isLeftOut(row, one)))
        : row.of.filter((of) => !names.some((one) => isLeftOut({ ...row, of: [of] }, one))),
    );
    expect(strays).toEqual([]);
  });

  it('has a reason in every row that has nothing in its place', () => {
    const rows = rowsOf(sectionOf('## From Python RQ')).concat(
      rowsOf(sectionOf("### The rest of RQ's API")),
    );
    const bare = rows.filter(([, second = '']) => /^(none|no)\b(?!: .{20})/.test(second));
    expect(bare).toEqual([]);
  });
});
