import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseCallArguments, parseTypedArguments } from '../../src/cli/call-arguments.js';
import { UsageError } from '../../src/cli/exit.js';
import { PythonLiteralError, parsePythonLiteral } from '../../src/cli/python-literal.js';

const directory = mkdtempSync(join(tmpdir(), 'rxrq-arguments-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const textFile = join(directory, 'a.txt');
const jsonFile = join(directory, 'a.json');
writeFileSync(textFile, '(1, None)\n');
writeFileSync(jsonFile, '{"a": [1]}');

const wholeTable: Array<[argument: string, keyword: string | null, value: unknown]> = [
  ['abc', null, 'abc'],
  ['2', null, '2'],
  ['', null, ''],
  ['a b', null, 'a b'],
  ['=x', null, '=x'],
  ['key=abc', 'key', 'abc'],
  ['key=', 'key', ''],
  ['key=a=b', 'key', 'a=b'],
  [':1', null, 1],
  [':{"a": [true, null]}', null, { a: [true, null] }],
  [':12345678901234567890', null, 12345678901234567890n],
  ['key:=[1, "x"]', 'key', [1, 'x']],
  ['key:="a=b"', 'key', 'a=b'],
  // RQ looks at the first colon only, and at where it stands.
  ['a:b:=1', 'a:b:', '1'],
  ['a:b=1', 'a:b', '1'],
  ['%(1, "a")', null, [1, 'a']],
  ['%None', null, null],
  ["key%={'a': True}", 'key', { a: true }],
  [`@${textFile}`, null, '(1, None)\n'],
  [`key=@${textFile}`, 'key', '(1, None)\n'],
  [`:@${jsonFile}`, null, { a: [1] }],
  [`key:=@${jsonFile}`, 'key', { a: [1] }],
  [`%@${textFile}`, null, [1, null]],
  [`key%=@${textFile}`, 'key', [1, null]],
];

describe('arguments of a call', () => {
  it.each(wholeTable)('reads %j', (argument, keyword, value) => {
    const { args, kwargs } = parseCallArguments([argument]);
    expect({ args, kwargs }).toEqual(
      keyword === null ? { args: [value], kwargs: {} } : { args: [], kwargs: { [keyword]: value } },
    );
  });

  it('keeps the order of positional arguments, wherever keywords stand', () => {
    expect(parseCallArguments(['a', 'k=v', ':1'])).toEqual({ args: ['a', 1], kwargs: { k: 'v' } });
  });

  it('takes a keyword for what it is, whatever its name', () => {
    const { kwargs } = parseCallArguments(['__proto__=x', 'toString=y']);
    expect(Object.entries(kwargs)).toEqual([
      ['__proto__', 'x'],
      ['toString', 'y'],
    ]);
  });

  it.each([
    [[':{'], 'argument 1 is not JSON'],
    [['a', 'k:=nope'], 'argument "k" is not JSON'],
    [['%import os'], 'argument 1 is no Python literal'],
    [['k%=open("x")'], 'argument "k" is no Python literal'],
    [['k=1', 'k=2'], 'argument "k" is given twice'],
    [['@/nowhere/at/all'], 'ENOENT'],
  ])('refuses %j and says why', (given, message) => {
    expect(() => parseCallArguments(given)).toThrow(UsageError);
    expect(() => parseCallArguments(given)).toThrow(message);
  });
});

const literals: Array<[text: string, value: unknown]> = [
  ['1', 1],
  [' -1 ', -1],
  ['+1_000', 1000],
  ['0x1e', 30],
  ['0o17', 15],
  ['0b101', 5],
  ['000', 0],
  ['12345678901234567890', 12345678901234567890n],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['5.', 5],
  ['1e3', 1000],
  ['True', true],
  ['False', false],
  ['None', null],
  ["''", ''],
  ['\'a\' "b"', 'ab'],
  ["'''a\nb'''", 'a\nb'],
  ["'\\x41\\u00e9\\U0001F600\\101\\n\\q'", 'Aé😀A\n\\q'],
  ["r'\\n'", '\\n'],
  ["u'é'", 'é'],
  ["b'a\\xff'", Buffer.from([0x61, 0xff])],
  ['[]', []],
  ['[1, [2,], ]', [1, [2]]],
  ['()', []],
  ['(1,)', [1]],
  ['(1)', 1],
  ['{}', {}],
  ["{'a': 1, 'b': (2,)}", { a: 1, b: [2] }],
  ["{1: 'a'}", new Map([[1, 'a']])],
  ['{1, 2}', new Set([1, 2])],
];

describe('Python literals', () => {
  it.each(literals)('reads %j', (text, value) => {
    expect(parsePythonLiteral(text)).toEqual(value);
  });

  it.each([
    '',
    '1 2',
    '[1',
    '(1',
    '{1:',
    "'a",
    "'a\nb'",
    '1j',
    '012',
    '1__0',
    '0x_',
    'x',
    'f()',
    '__import__',
    '[1 2]',
    '{1: 2, 3}',
    "b'é'",
    "'a' b'a'",
    "f'{1}'",
    "'\\x4'",
    '-',
    '1.2.3',
  ])('refuses %j', (text) => {
    expect(() => parsePythonLiteral(text)).toThrow(PythonLiteralError);
  });

  it('ends at once on hostile text', () => {
    for (const text of [
      '['.repeat(100_000),
      '1_'.repeat(50_000),
      "'".repeat(100_001),
      '-'.repeat(100_000),
    ]) {
      const startedMs = performance.now();
      expect(() => parsePythonLiteral(text)).toThrow(PythonLiteralError);
      // A way whose steps grow with the square of the text would take minutes.
      expect(performance.now() - startedMs).toBeLessThan(5_000);
    }
  });

  it('reads what Python would write for any JSON', () => {
    const repr = (value: unknown): string => {
      if (value === null) return 'None';
      if (typeof value === 'boolean') return value ? 'True' : 'False';
      if (typeof value === 'string') return JSON.stringify(value);
      if (typeof value === 'number') return String(value);
      if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
      return `{${Object.entries(value as object)
        .map(([key, member]) => `${JSON.stringify(key)}: ${repr(member)}`)
        .join(', ')}}`;
    };
    const plain = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(plain, (value) => {
        // Python's JSON module would write the same text; -0 and integers out of range are not the matter here.
        const plainValue = JSON.parse(
          JSON.stringify(value, (_key, member: unknown) =>
            Number.isInteger(member) && !Number.isSafeInteger(member) ? 0 : member,
          ),
        ) as unknown;
        expect(parsePythonLiteral(repr(plainValue))).toEqual(plainValue);
      }),
      { numRuns: 300 },
    );
  });
});

describe('arguments of run', () => {
  it.each([
    ['2', 2],
    ['-2.5', -2.5],
    ['1e3', 1000],
    ['true', true],
    ['null', null],
    ['02', '02'],
    ['2x', '2x'],
    ['9007199254740993123', '9007199254740993123'],
    [':"2"', '2'],
    ['text', 'text'],
  ])('reads %s as what it looks like', (written, value) => {
    expect(parseTypedArguments([written])).toEqual({ args: [value], kwargs: {} });
  });
});
