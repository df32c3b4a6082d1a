import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { escapeJson, escapeLines, escapeText } from '../../src/cli/escape.js';
import { eventDetail, eventKinds } from '../../src/cli/event-line.js';
import { logfmt } from '../../src/cli/logfmt.js';
import { OutputLines } from '../../src/cli/output-lines.js';
import { redactorFor } from '../../src/cli/redact.js';
import { Thinning } from '../../src/cli/thinning.js';
import { errorLine, usefulTraceback } from '../../src/cli/traceback.js';

const harmful = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
// Any character, and often one of those that hide text or turn it round.
const hiding = fc.constantFrom(
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\u{e0001}',
  '\u2028',
  '\u0085',
);
const anyText = fc.string({
  unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), hiding),
  maxLength: 50,
});

describe('the escape', () => {
  it.each([
    ['a\nb\r\tc', 'a\\nb\\r\\tc'],
    ['\u001b[2J', '\\x1b[2J'],
    ['\u009b2J', '\\x9b2J'],
    ['\u202eevil', '\\u202eevil'],
    ['a\u2028b\ufeff', 'a\\u2028b\\ufeff'],
    ['\u{e0001}', '\\u{e0001}'],
    ['\ud800', '\\ud800'],
    ['Ünï 日本 😀', 'Ünï 日本 😀'],
  ])('makes %j harmless', (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  it('leaves nothing that a terminal obeys, in any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(escapeText(text)).not.toMatch(harmful);
        for (const line of escapeLines(text)) expect(line).not.toMatch(harmful);
      }),
    );
  });

  it('leaves JSON the same JSON, on one harmless line', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = escapeJson(JSON.stringify({ text }));
        expect(json).not.toMatch(harmful);
        expect(JSON.parse(json)).toEqual({ text });
      }),
    );
  });

  it('cuts what is long', () => {
    expect(escapeText('x'.repeat(5_000)).length).toBeLessThan(2_100);
    expect(escapeLines('x\n'.repeat(5_000)).length).toBeLessThan(300);
  });
});

describe('lines of events', () => {
  it('shows any event of any shape on one harmless line', () => {
    const fields = fc.dictionary(
      fc.constantFrom(
        'attempt',
        'reason',
        'progress',
        'lines',
        'tookMs',
        'delaySeconds',
        'after',
        'outcome',
      ),
      fc.oneof(
        anyText,
        fc.jsonValue(),
        fc.constant({ toString: 1 }),
        fc.constant([null, { line: {} }]),
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...eventKinds), fields, (kind, rest) => {
        const event = { ...rest, kind, queue: 'q', jobId: 'j', at: 0, cursor: '0-1.0', worker: '' };
        expect(eventDetail(event as never)).not.toMatch(harmful);
      }),
    );
  });
});

describe('logfmt', () => {
  it('quotes what is not one plain word, and leaves out what is not there', () => {
    expect(
      logfmt({ event: 'x', n: 1, empty: '', text: 'a b', quote: '"', list: ['a', 'b'], no: null }),
    ).toBe('event=x n=1 empty="" text="a b" quote="\\"" list=a,b');
  });
});

describe('thinning', () => {
  it('lets a burst and then so many a second through, and counts the rest', () => {
    let nowMs = 0;
    const thinning = new Thinning(10, () => nowMs);
    const allowed = (tries: number): number =>
      Array.from({ length: tries }, () => thinning.allows()).filter(Boolean).length;
    expect(allowed(100)).toBe(10);
    expect(thinning.takeLeftOut()).toBe(90);
    nowMs = 500;
    expect(allowed(100)).toBe(5);
    expect(thinning.allows(false)).toBe(false);
    expect(thinning.takeLeftOut()).toBe(96);
    expect(thinning.takeLeftOut()).toBe(0);
  });
});

describe('output of handlers', () => {
  it('comes as whole lines for each job and stream', () => {
    const lines: string[] = [];
    const output = new OutputLines((jobId, stream, line) =>
      lines.push(`${jobId} ${stream} ${line}`),
    );
    output.take('a', 'stdout', 'one\ntw');
    output.take('b', 'stdout', 'other');
    output.take('a', 'stderr', 'err\r\n');
    output.take('a', 'stdout', 'o\n\nrest');
    output.flush('a');
    expect(lines).toEqual([
      'a stdout one',
      'a stderr err',
      'a stdout two',
      'a stdout ',
      'a stdout rest',
    ]);
    output.flush();
    expect(lines.at(-1)).toBe('b stdout other');
  });

  it('does not keep a line without an end', () => {
    let chars = 0;
    const output = new OutputLines((_job, _stream, line) => {
      chars += line.length;
    });
    for (let i = 0; i < 100; i++) output.take('a', 'stdout', 'x'.repeat(1_000));
    expect(chars).toBeGreaterThan(90_000);
  });
});

describe('credentials', () => {
  it.each([
    ['redis://:hunter2@host:1/0', 'WRONGPASS hunter2 is wrong'],
    ['redis://user:p%40ss@host', 'user:p%40ss and p@ss'],
    ['redis://:a/b#c@d@host', 'found :a/b#c@d in it'],
    ['redis://host/0?password=topsecret', 'topsecret'],
  ])('of %s are not shown', (url, text) => {
    expect(redactorFor(url)(text)).not.toMatch(/hunter2|p%40ss|p@ss|b#c|topsecret/);
  });

  it('leaves other text alone', () => {
    expect(redactorFor('redis://localhost:6379', undefined)('a localhost b')).toBe('a localhost b');
  });
});

describe('tracebacks', () => {
  it('are cut to the message and the frames of the handler', () => {
    const text = [
      'TypeError: bad\u001b[31m thing',
      '    at build (/app/tasks.js:3:9)',
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
      '    at call (/app/node_modules/rxrq/dist/executor/child-main.js:1:1)',
      'Caused by: Error: inner',
      '    at inner (/app/lib.js:1:1)',
    ].join('\n');
    expect(usefulTraceback(text)).toEqual([
      'TypeError: bad\\x1b[31m thing',
      '    at build (/app/tasks.js:3:9)',
      'Caused by: Error: inner',
      '    at inner (/app/lib.js:1:1)',
    ]);
    expect(errorLine(text)).toBe('TypeError: bad\u001b[31m thing');
  });

  it("keep the end of Python's", () => {
    const frames = Array.from(
      { length: 9 },
      (_, n) => `  File "/app/f${n}.py", line ${n}, in f${n}\n    call()`,
    );
    const text = `Traceback (most recent call last):\n${frames.join('\n')}\nValueError: no`;
    const useful = usefulTraceback(text);
    expect(useful[0]).toBe('Traceback (most recent call last):');
    expect(useful[1]).toContain('f6.py');
    expect(useful.at(-1)).toBe('ValueError: no');
    expect(errorLine(text)).toBe('ValueError: no');
  });
});
